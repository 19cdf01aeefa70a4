"""What is traded on each series: signals and settings that both sides can express.

Signals are drawn or computed here and reach both sides as they are, so that a difference is one of
fills and never one of indicators: Backfleet reads them off the volume of the candles.
"""

from dataclasses import dataclass

import numpy as np

LONG, SHORT, EXIT_LONG, EXIT_SHORT = 1, 2, 4, 8


@dataclass
class Case:
    name: str
    # One number a candle, a sum of the four above.
    signals: np.ndarray
    direction: str = "both"
    stop_pct: float | None = None
    target_pct: float | None = None
    trail_pct: float | None = None
    size_pct: float = 100.0
    # Instead of a share of the balance.
    quote: float | None = None
    fee_pct: float = 0.0
    # A stop at this share of each close, that only ever tightens.
    follow: float | None = None

    def cleaned(self):
        """Signals by Backfleet's rules: no entry on a conflict or beside its own exit."""
        bits = [(self.signals & bit) > 0 for bit in (LONG, SHORT, EXIT_LONG, EXIT_SHORT)]
        long, short, exit_long, exit_short = bits
        if self.direction == "long":
            short = np.zeros_like(short)
        if self.direction == "short":
            long = np.zeros_like(long)
        conflict = long & short
        return long & ~conflict & ~exit_long, short & ~conflict & ~exit_short, exit_long, exit_short


def ema(values, n):
    out = np.full(len(values), np.nan)
    out[n - 1] = values[:n].mean()
    for row in range(n, len(values)):
        out[row] = out[row - 1] + (values[row] - out[row - 1]) * 2 / (n + 1)
    return out


def crosses(series, fast, slow):
    """Long where the fast average crosses the slow one upwards, short where downwards."""
    with np.errstate(invalid="ignore"):
        above = ema(series.close, fast) > ema(series.close, slow)
        below = ema(series.close, fast) < ema(series.close, slow)
    signals = np.zeros(len(series), int)
    signals[1:] += LONG * (above[1:] & ~above[:-1])
    signals[1:] += SHORT * (below[1:] & ~below[:-1])
    signals[: slow + 1] = 0
    return signals


def drawn(series, seed, often):
    """Each of the four signals at `often` of the closes; conflicts among them."""
    rng = np.random.default_rng(seed)
    signals = sum(bit * (rng.random(len(series)) < often) for bit in (1, 2, 4, 8))
    signals[0] = 0  # backtesting.py asks its strategy from the second candle on
    return signals


def cases(series):
    cross = crosses(series, 12, 26)
    often = drawn(series, 1, 0.2)
    rare = drawn(series, 2, 0.02)
    # A stop in the size of the series: three times what a candle usually spans.
    span = float(np.median((series.high - series.low) / series.close)) * 100
    stop = round(min(max(3 * span, 0.05), 30.0), 3)
    fee = {"fee_pct": 0.1}
    both = {"stop_pct": stop, "target_pct": 2 * stop}
    below, above = 1 - 2 * stop / 100, 1 + 2 * stop / 100
    return [
        Case("cross long", cross | np.where(cross == SHORT, EXIT_LONG, 0), "long", **fee),
        Case("cross short", cross | np.where(cross == LONG, EXIT_SHORT, 0), "short", **fee),
        Case("cross flip", cross),
        Case("cross flip, fee", cross, **fee),
        Case("cross flip, stop", cross, stop_pct=stop, **fee),
        Case("cross flip, target", cross, target_pct=2 * stop, **fee),
        Case("cross flip, stop + target", cross, **both, **fee),
        Case("cross flip, narrow stop + target", cross, stop_pct=stop / 6, target_pct=stop / 6, **fee),
        Case("drawn long, 37 %", often, "long", size_pct=37, **both, **fee),
        Case("drawn short, 37 %", often, "short", size_pct=37, **both, **fee),
        Case("drawn flip, stop + target", often, **both),
        Case("rare flip, wide stop + target", rare, stop_pct=stop, target_pct=stop, **fee),
        Case("drawn long, following stop", rare, "long", follow=below, **fee),
        Case("drawn short, following stop", rare, "short", follow=above, **fee),
        Case("rare flip, trail", rare, trail_pct=stop, **fee),
    ]
