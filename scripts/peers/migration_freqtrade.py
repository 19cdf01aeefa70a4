"""Runs the strategy of docs/guide/from-freqtrade.md in freqtrade's own engine: see migration.sh.

The page has what a user writes; here is what `freqtrade backtesting` adds, with a stand-in for the
exchange, since a real one is asked for its markets over the network.
"""

import sys
import tempfile
from unittest.mock import patch

import pandas as pd
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.resolvers import StrategyResolver

import strategies
from freqtrade_trades import PAIR, config, stand_in

MODULE = "freqtrade.optimize.backtesting"


def main(page_code):
    names = {}
    exec(compile(page_code, "from-freqtrade.md", "exec"), names)
    coded = names["EmaCross"]
    coded.disable_dataframe_checks = True
    coded.order_types = {"entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": False}
    coded.order_time_in_force = {"entry": "GTC", "exit": "GTC"}
    frame = pd.read_csv("examples/candles/us_SPY-1d.csv.gz").rename(columns={"timestamp": "date"})
    frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
    case = strategies.Case("page", None, "long", fee_pct=0.1)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(StrategyResolver, "_load_strategy", lambda name, config, extra_dir: coded(config)),
        patch(f"{MODULE}.PairListManager") as pairs,
        patch(f"{MODULE}.validate_config_consistency"),
        patch(f"{MODULE}.migrate_data"),
    ):
        pairs.return_value.whitelist = [PAIR["spot"]]
        test = Backtesting(config(case, "spot", folder, "1d"), exchange=stand_in("spot"))
        test._set_strategy(test.strategylist[0])
        data = test.strategy.advise_all_indicators({PAIR["spot"]: frame})
        first, end = (data[PAIR["spot"]].date.searchsorted(pd.Timestamp(day, tz="UTC")) for day in ("2005", "2021"))
        # It drops the candles of the warm-up itself.
        data = {pair: each.iloc[first - test.required_startup : end] for pair, each in data.items()}
        days = frame.date.iloc[first:end]
        trades = test.backtest(data, days.iloc[0], days.iloc[-1])["results"]
    last = trades[["open_date", "open_rate", "close_date", "close_rate", "exit_reason"]].tail(3)
    for row in last.itertuples(index=False):
        print(f"{row.open_date:%Y-%m-%d} {row.open_rate:>8} {row.close_date:%Y-%m-%d} {row.close_rate:>10} {row.exit_reason}")
    wins = 100 * (trades.profit_abs > 0).mean()
    print(f"{len(trades)} trades, win rate {wins:.4f} %, profit {trades.profit_abs.sum():.2f}")


if __name__ == "__main__":
    main(sys.stdin.read())
