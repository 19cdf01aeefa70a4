#!/bin/sh
# Compares `fill.profile: freqtrade` with freqtrade's backtesting, trade by trade, on shipped and seeded series.
#
#   scripts/peers/freqtrade.sh [PART OF A SERIES' NAME ...]
#
# Prints a row for each series and strategy: trades of both sides, how many differ, and the greatest
# relative difference of daily equity. Exits 1 if a trade differs, or equity by more than 1e-6.
. "$(dirname "$0")/venv.sh"

peer_environment freqtrade freqtrade==2026.9
exec "$python" "$root/scripts/peers/freqtrade_trades.py" "$@"
