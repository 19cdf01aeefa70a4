#!/bin/sh
# Every comparison with a tool of others; each installs what it needs into target/peers. Goes on
# after a difference and exits 1 at the end if there was one.
set -u

folder=$(dirname "$0")
failed=0
for part in backtesting_py vectorbt freqtrade statistics migration candle_files; do
    echo "== $part"
    "$folder/$part.sh" || failed=1
done
for part in parity independent; do
    echo "== indicators, $part"
    "$folder/../../bench/indicators/$part.sh" || failed=1
done
exit $failed
