#!/bin/sh
# Exports a shipped series to every form and opens the files with polars and duckdb from PyPI.
#
#   scripts/peers/candle_files.sh
. "$(dirname "$0")/venv.sh"
peer_environment candle_files polars duckdb numpy

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$BACKFLEET" candles import "$root/examples/candles/coinbase_BTCUSD-4h.csv.gz" --data "$folder/data"
for ending in parquet arrow feather csv csv.gz; do
    "$BACKFLEET" candles export coinbase/BTCUSD/4h --data "$folder/data" -o "$folder/x.$ending"
done
"$python" "$root/scripts/peers/candle_files.py" "$folder"
