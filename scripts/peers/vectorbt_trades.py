"""vectorbt beside `fill.profile: vectorbt`: see vectorbt.sh."""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt

import engine
import series as candles
import strategies
from table import Table


def due(signals):
    """What a close decides is done at the next open."""
    return np.concatenate(([False], signals[:-1]))


def theirs(series, case):
    long, short, exit_long, exit_short = map(due, case.cleaned())
    frame = pd.DataFrame({"close": series.close})
    stop = case.trail_pct or case.stop_pct
    sized = {"size": case.size_pct / 100, "size_type": "percent"} if case.size_pct < 100 else {}
    portfolio = vbt.Portfolio.from_signals(
        frame["close"], entries=long, exits=exit_long, short_entries=short, short_exits=exit_short,
        open=series.open, high=series.high, low=series.low, price=series.open,
        sl_stop=stop / 100 if stop else np.nan, sl_trail=case.trail_pct is not None,
        tp_stop=case.target_pct / 100 if case.target_pct else np.nan,
        stop_entry_price="fillprice", stop_exit_price="stopmarket",
        upon_opposite_entry="reverse", fees=case.fee_pct / 100, init_cash=engine.BALANCE, **sized,
    )
    records = portfolio.trades.records
    trades = [
        engine.Trade(int(series.time_ms[row.entry_idx]), int(series.time_ms[row.exit_idx]),
                     row.size * (1 if row.direction == 0 else -1), row.entry_price,
                     row.exit_price, row.pnl)
        for row in records.itertuples() if row.status == 1
    ]
    return engine.Result(trades, engine.last_of_days(series, portfolio.value().to_numpy()))


def main(names):
    table = Table("vectorbt")
    for series in candles.reals() + candles.hard():
        if names and not any(name in series.name for name in names):
            continue
        for case in strategies.cases(series):
            if case.follow is None:
                table.add(series, case, engine.ours(series, case, "vectorbt"), theirs(series, case))
    table.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
