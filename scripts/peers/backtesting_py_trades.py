"""backtesting.py beside `fill.profile: backtestingPy`: see backtesting_py.sh."""

import sys
import warnings

import pandas as pd
from backtesting import Backtest, Strategy, backtesting

import engine
import series as candles
import strategies
from table import Table

warnings.filterwarnings("ignore")
backtesting._tqdm = lambda rows, **_: rows


def strategy(case):
    long, short, exit_long, exit_short = case.cleaned()
    full = 1 - sys.float_info.epsilon

    class Coded(Strategy):
        def init(self):
            pass

        def enter(self, side):
            close = float(self.data.Close[-1])
            stop = target = None
            if case.stop_pct:
                stop = close * (1 - side * case.stop_pct / 100)
            if case.follow:
                stop = close * case.follow
            if case.target_pct:
                target = close * (1 + side * case.target_pct / 100)
            size = full if case.size_pct == 100 else case.size_pct / 100
            (self.buy if side > 0 else self.sell)(size=size, sl=stop, tp=target)

        def next(self):
            row = len(self.data) - 1
            side = 1 if self.position.is_long else -1 if self.position.is_short else 0
            wanted = 1 if long[row] else -1 if short[row] else 0
            if case.follow:
                for trade in self.trades:
                    level = float(self.data.Close[-1]) * case.follow
                    if (level > trade.sl) == trade.is_long:
                        trade.sl = level
            if side and wanted == -side:
                self.position.close()
                self.enter(wanted)
            elif (side > 0 and exit_long[row]) or (side < 0 and exit_short[row]):
                self.position.close()
            elif wanted and not side:
                self.enter(wanted)

    return Coded


def run(series, case):
    """The statistics of its run."""
    index = pd.to_datetime(series.time_ms, unit="ms")
    frame = pd.DataFrame(
        {"Open": series.open, "High": series.high, "Low": series.low, "Close": series.close,
         "Volume": 1.0}, index=index,
    )
    test = Backtest(frame, strategy(case), cash=engine.BALANCE, commission=case.fee_pct / 100)
    return test.run()


def theirs(series, case):
    stats = run(series, case)
    table = stats["_trades"]
    trades = [
        engine.Trade(int(series.time_ms[row.EntryBar]), int(series.time_ms[row.ExitBar]), row.Size,
                     row.EntryPrice, row.ExitPrice, row.PnL)
        for row in table.itertuples()
    ]
    equity = stats["_equity_curve"]["Equity"].to_numpy()
    return engine.Result(trades, engine.last_of_days(series, equity))


def main(names):
    table = Table("backtesting.py")
    for series in candles.reals() + candles.hard():
        if names and not any(name in series.name for name in names):
            continue
        for case in strategies.cases(series):
            if case.trail_pct is None:
                ours = engine.ours(series, case, "backtestingPy", lot_step=1)
                table.add(series, case, ours, theirs(series, case))
    table.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
