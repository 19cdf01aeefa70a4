"""Golden series A as daily candles, held from its second day on, and the runs to measure."""

from dataclasses import replace

import numpy as np

import series as candles
import strategies

DAYS = 1095


def draws(seed):
    state = seed
    while True:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53


def returns(seed=42, count=DAYS, mean=0.0008, scale=0.04):
    u = draws(seed)
    out = []
    for _ in range(count):
        total = next(u) + next(u)
        total = total + next(u)
        total = total + next(u)
        out.append(mean + scale * (total - 2))
    return np.array(out)


def series_a():
    """Two flat days, then the returns of A: what is bought at the open of the second has them all."""
    moves = np.concatenate(([0.0, 0.0], returns()))
    # backtesting.py buys whole units for a last bit less than the cash: no round count of them.
    close = 99.7 * np.cumprod(1 + moves)
    before = np.concatenate(([99.7], close[:-1]))
    times = candles.START_MS - 86_400_000 * 1461 + 86_400_000 * np.arange(len(close))
    return candles.Series("series A", 1440, "24x7", times, before, np.maximum(before, close),
                          np.minimum(before, close), close)


def runs():
    """Pairs of series and case."""
    a = series_a()
    held = np.zeros(len(a), int)
    held[1] = strategies.LONG
    yield a, strategies.Case("held", held)
    for file in ("us_GOOG-1d", "coinbase_BTCUSD-4h", "bitstamp_BTCUSD-1m"):
        series = candles.real(f"{file}.csv.gz")
        named = {case.name: case for case in strategies.cases(series)}
        yield series, named["cross flip, fee"]
        yield series, named["drawn long, 37 %"]
        yield series, replace(named["rare flip, wide stop + target"], fee_pct=0.02)


class Differences:
    """The worst relative difference of each number over all runs."""

    def __init__(self, tolerance):
        self.tolerance, self.worst = tolerance, {}

    def add(self, run, peer, name, ours, theirs, tolerance=None):
        theirs = None if theirs is None or not np.isfinite(theirs) else float(theirs)
        if ours is None or theirs is None:
            gap = 0.0 if ours == theirs else np.inf
        else:
            gap = abs(ours - theirs) / max(abs(theirs), 1e-12)
        gap = 0.0 if tolerance and gap <= tolerance else gap
        key = peer, name
        if key not in self.worst or gap > self.worst[key][0]:
            self.worst[key] = gap, run, ours, theirs

    def finish(self):
        failed = 0
        print(f"{'peer':28}{'number':24}{'worst':>10}  run")
        for (peer, name), (gap, run, ours, theirs) in self.worst.items():
            wrong = gap > self.tolerance
            failed += wrong
            detail = f"  FAILED: ours {ours!r}, {theirs!r}" if wrong else ""
            print(f"{peer:28}{name:24}{gap:10.1e}  {run}{detail}")
        print(f"{failed} numbers differ" if failed else "all numbers agree")
        return 1 if failed else 0
