#!/bin/sh
# Compares statistics with quantstats, empyrical, backtesting.py and freqtrade: ours where the
# definition is the same, and the columns of `backfleet run --profile` with those tools themselves.
#
#   scripts/peers/statistics.sh
#
# On golden series A of docs/reference/metrics.md and on runs over shipped candles. Prints the
# greatest relative difference of each number. Exits 1 if one is above 1e-9.
. "$(dirname "$0")/venv.sh"

failed=0
peer_environment statistics quantstats==0.0.86 empyrical-reloaded==0.7.1 backtesting==0.6.6
"$python" "$root/scripts/peers/statistics_days.py" || failed=1
peer_environment freqtrade freqtrade==2026.9
"$python" "$root/scripts/peers/statistics_trades.py" || failed=1
exit $failed
