#!/bin/sh
# Compares `backfleet indicator` with TA-Lib (the wheel of PyPI) on shipped candles.
#
#   bench/indicators/parity.sh [FILE.csv.gz ...]
#
# Needs python3 and the network once: TA-Lib and numpy are installed into target/parity. BACKFLEET
# names a binary to test; without it the release binary is built. Exits 1 if a value is more than
# 1e-9 off where the convention is the same; docs/concepts/indicators.md names where it is not.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$root/target/parity
if [ -z "${BACKFLEET:-}" ]; then
    (cd "$root" && cargo build --release -p backfleet)
    BACKFLEET=$root/target/release/backfleet
fi
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet TA-Lib numpy
fi
if [ $# -eq 0 ]; then
    set -- "$root/examples/candles/us_GOOG-1d.csv.gz" "$root/examples/candles/bitstamp_BTCUSD-1m.csv.gz"
fi
exec "$venv/bin/python" "$root/bench/indicators/parity.py" "$BACKFLEET" "$@"
