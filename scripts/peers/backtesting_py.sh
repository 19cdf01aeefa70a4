#!/bin/sh
# Compares `fill.profile: backtestingPy` with backtesting.py, trade by trade, on shipped and seeded series.
#
#   scripts/peers/backtesting_py.sh [PART OF A SERIES' NAME ...]
#
# Prints a row for each series and strategy: trades of both sides, how many differ, and the greatest
# relative difference of daily equity. Exits 1 if a trade differs, or equity by more than 1e-6.
. "$(dirname "$0")/venv.sh"

peer_environment backtesting_py backtesting==0.6.6 numpy pandas
exec "$python" "$root/scripts/peers/backtesting_py_trades.py" "$@"
