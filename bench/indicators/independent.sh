#!/bin/sh
# Compares `backfleet indicator` with definitions.py, every indicator once more in numpy.
#
#   bench/indicators/independent.sh [FILE.csv.gz ...]
#
# On shipped candles, then on candles with ties, flat stretches, without volume, shorter than the
# windows, and with windows of 1. numpy is installed into target/peers. BACKFLEET names a binary to
# test; without it the release binary is built. Exits 1 if a column differs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/target/peers/numpy
if [ -z "${BACKFLEET:-}" ]; then
    (cd "$root" && cargo build --locked --release --package backfleet)
    BACKFLEET=$root/target/release/backfleet
fi
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet numpy
fi
if [ $# -eq 0 ]; then
    set -- "$root/examples/candles/us_GOOG-1d.csv.gz" "$root/examples/candles/bitstamp_BTCUSD-1m.csv.gz"
fi
exec "$venv/bin/python" "$here/independent.py" "$BACKFLEET" "$@"
