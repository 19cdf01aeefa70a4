"""Averages and windows, each from its definition, row by row: what scripts/indicator_fixtures.py builds on."""

import math
import numpy as np

NULL = math.nan


def windows(values, n, of):
    """`of` the last n values of each row; null where there are fewer or one of them is."""
    out = np.full(len(values), NULL)
    for row in range(n - 1, len(values)):
        window = values[row - n + 1 : row + 1]
        if not np.isnan(window).any():
            out[row] = of(window)
    return out


def mean(window):
    """Of a flat window exactly its value."""
    return window[0] + math.fsum(value - window[0] for value in window) / len(window)


def deviation(window):
    middle = mean(window)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in window) / len(window))


def divided(left, right):
    return left / right if right != 0 else NULL


def quotients(left, right):
    return np.array([divided(a, b) for a, b in zip(left, right)])


def smoothed(values, n, factor):
    """Seeded with the mean of the first n defined values in a row."""
    out = np.full(len(values), NULL)
    seed, current = [], None
    for row, value in enumerate(values):
        if math.isnan(value):
            seed, current = [], None
        elif current is None:
            seed.append(value)
            if len(seed) == n:
                current = out[row] = mean(seed)
        else:
            current = out[row] = current * (1 - factor) + value * factor
    return out


def sma(values, n):
    return windows(values, n, mean)


def ema(values, n):
    return smoothed(values, n, 2 / (n + 1))


def ema_first(values, n):
    """pandas: ewm(span=n, adjust=False).mean()."""
    out = [values[0]]
    for value in values[1:]:
        out.append(2 / (n + 1) * value + (1 - 2 / (n + 1)) * out[-1])
    return np.array(out)


def rma(values, n):
    return smoothed(values, n, 1 / n)


def wma(values, n):
    weights = np.arange(1, n + 1)
    return windows(values, n, lambda window: math.fsum(window * weights) / weights.sum())


def hma(values, n):
    return wma(2 * wma(values, max(n // 2, 1)) - wma(values, n), math.isqrt(n))


def dema(values, n):
    return 2 * ema(values, n) - ema(ema(values, n), n)


def tema(values, n):
    one = ema(values, n)
    two = ema(one, n)
    return 3 * one - 3 * two + ema(two, n)


def vwma(values, volume, n):
    total = lambda column: windows(column, n, math.fsum)
    return quotients(total(values * volume), total(volume))


def highest(values, n):
    return windows(values, n, max)


def lowest(values, n):
    return windows(values, n, min)


def earlier(values, n):
    return np.concatenate([np.full(min(n, len(values)), NULL), values[:-n]])
