#!/bin/sh
# Compares `fill.profile: vectorbt` with vectorbt, trade by trade, on shipped and seeded series.
#
#   scripts/peers/vectorbt.sh [PART OF A SERIES' NAME ...]
#
# Prints a row for each series and strategy: trades of both sides, how many differ, and the greatest
# relative difference of daily equity. Exits 1 if a trade differs, or equity by more than 1e-6.
. "$(dirname "$0")/venv.sh"

peer_environment vectorbt vectorbt==1.2.0 numpy pandas
exec "$python" "$root/scripts/peers/vectorbt_trades.py" "$@"
