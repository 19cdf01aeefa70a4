"""vectorbt or backtesting.py on the candles of `bench/engine --peers`, with its signals.

  peers.py vectorbt|backtesting FOLDER RUNS

FOLDER has open, high, low and close as 64-bit floats and signals as 8-bit integers, one row of all
candles for each variant: 1 long, -1 short, decided on the close. Prints a line of JSON: CPU time of
this thread in each of the runs, in seconds, and closed trades of each variant.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
CASH, FEE, STOP, TARGET = 10_000.0, 0.001, 0.02, 0.04


class Market:
    def __init__(self, folder):
        read = lambda name, kind: np.fromfile(Path(folder, name), kind)
        self.open, self.high, self.low, self.close = (
            read(name, "<f8") for name in ("open", "high", "low", "close"))
        self.signals = read("signals", "i1").reshape(-1, len(self.close))


def timed(runs, work):
    """CPU times of `runs` runs after one that does not count, and what the last one gave."""
    times, result = [], None
    for run in range(runs + 1):
        started = time.thread_time()
        result = work()
        if run:
            times.append(time.thread_time() - started)
    return times, result


def vectorbt(market, runs):
    import vectorbt as vbt

    due = np.zeros(market.signals.shape[::-1], "i1")
    due[1:] = market.signals.T[:-1]  # what a close decides is done at the next open
    long, short = due == 1, due == -1
    prices = {name: getattr(market, name)[:, None] for name in ("open", "high", "low")}
    close = pd.DataFrame(np.broadcast_to(market.close[:, None], due.shape), copy=False)

    def work():
        return vbt.Portfolio.from_signals(
            close, entries=long, short_entries=short, price=prices["open"], **prices,
            sl_stop=STOP, tp_stop=TARGET, stop_entry_price="fillprice",
            stop_exit_price="stopmarket", upon_opposite_entry="reverse", fees=FEE, init_cash=CASH)

    times, portfolio = timed(runs, work)
    records = portfolio.trades.records
    closed = records[records["status"] == 1].groupby("col").size()
    return times, closed.reindex(range(due.shape[1]), fill_value=0).tolist()


def backtesting(market, runs):
    from backtesting import Backtest, Strategy
    from backtesting import backtesting as module

    module._tqdm = lambda rows, **_: rows
    [signals] = market.signals
    wanted = signals.tolist()
    full = 1 - sys.float_info.epsilon

    class Coded(Strategy):
        def init(self):
            pass

        def next(self):
            side = wanted[len(self.data) - 1]
            if not side or (self.position.is_long if side > 0 else self.position.is_short):
                return
            if self.position:
                self.position.close()
            close = float(self.data.Close[-1])
            stop, target = close * (1 - side * STOP), close * (1 + side * TARGET)
            (self.buy if side > 0 else self.sell)(size=full, sl=stop, tp=target)

    frame = pd.DataFrame(
        {"Open": market.open, "High": market.high, "Low": market.low, "Close": market.close,
         "Volume": 1.0},
        index=pd.date_range("2024-01-01", periods=len(market.close), freq="min"))
    # So much cash that trading whole units only makes no difference.
    test = Backtest(frame, Coded, cash=CASH * 1e6, commission=FEE)
    times, stats = timed(runs, test.run)
    return times, [len(stats["_trades"])]


def main(name, folder, runs):
    times, trades = {"vectorbt": vectorbt, "backtesting": backtesting}[name](Market(folder), runs)
    print(json.dumps({"seconds": times, "trades": trades}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
