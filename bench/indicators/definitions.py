"""Every indicator once more, in numpy, from its definition: docs/concepts/indicators.md and, where
that says "Skender", the documentation of Skender's Stock.Indicators. Written without looking at the
engine and shares nothing with it. Null is NaN; loops where a loop is the definition.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NAN = float("nan")


def windows(values, n, fold):
    """`fold` of each n values; null where there are fewer, or one of them is null."""
    values = np.asarray(values, float)
    out = np.full(len(values), NAN)
    if len(values) >= n:
        with np.errstate(all="ignore"):
            out[n - 1:] = fold(sliding_window_view(values, n))
    return out


def divide(a, b):
    with np.errstate(all="ignore"):
        return np.where(b == 0, NAN, a / b)


def back(values, n):
    """The value n rows before."""
    out = np.full(len(values), NAN)
    out[n:] = values[: len(values) - n] if n else values
    return out


def seeded(values, n, factor):
    """An average with a memory: its seed is the mean of n values in a row; a null ends it."""
    out = np.full(len(values), NAN)
    run, last = [], NAN
    for row, value in enumerate(values):
        if np.isnan(value):
            run, last = [], NAN
            continue
        if np.isnan(last):
            run.append(value)
            if len(run) == n:
                last = sum(run) / n
        else:
            last += factor * (value - last)
        out[row] = last
    return out


def sma(v, n):
    return windows(v, n, lambda w: w.mean(axis=1))


def ema(v, n):
    return seeded(v, n, 2 / (n + 1))


def ema_first(v, n):
    return seeded(v, 1, 2 / (n + 1))


def rma(v, n):
    return seeded(v, n, 1 / n)


def wma(v, n):
    weights = np.arange(1, n + 1) / (n * (n + 1) / 2)
    return windows(v, n, lambda w: w @ weights)


def hma(v, n):
    return wma(2 * wma(v, n // 2) - wma(v, n), int(np.sqrt(n)))


def dema(v, n):
    return 2 * ema(v, n) - ema(ema(v, n), n)


def tema(v, n):
    one, two = ema(v, n), ema(ema(v, n), n)
    return 3 * one - 3 * two + ema(two, n)


def total(v, n):
    return windows(v, n, lambda w: w.sum(axis=1))


def highest(v, n):
    return windows(v, n, lambda w: w.max(axis=1))


def lowest(v, n):
    return windows(v, n, lambda w: w.min(axis=1))


def stdev(v, n):
    """Of a population; exactly 0 on a flat window."""
    spread = highest(v, n) - lowest(v, n)
    return np.where(spread == 0, 0.0, windows(v, n, lambda w: w.std(axis=1)))


def vwma(c, v, n):
    return divide(total(v * c.volume, n), total(c.volume, n))


def typical(c):
    return (c.high + c.low + c.close) / 3


def vwap(c):
    """From the start of each UTC day."""
    out, day, flow, volume = np.full(len(c.close), NAN), None, 0.0, 0.0
    for row, price in enumerate(typical(c)):
        if c.time_ms[row] // 86_400_000 != day:
            day, flow, volume = c.time_ms[row] // 86_400_000, 0.0, 0.0
        flow += price * c.volume[row]
        volume += c.volume[row]
        out[row] = flow / volume if volume else NAN
    return out


def linreg(v, n):
    x = np.arange(n) - (n - 1) / 2
    slope = windows(v, n, lambda w: w @ x / (x @ x)) if n > 1 else np.full(len(v), NAN)
    return {"slope": slope, "value": sma(v, n) + slope * (n - 1) / 2}


def heikin_ashi(c):
    close = (c.open + c.high + c.low + c.close) / 4
    open_ = np.empty(len(close))
    for row in range(len(close)):
        first = (c.open[0] + c.close[0]) / 2
        open_[row] = (open_[row - 1] + close[row - 1]) / 2 if row else first
    high = np.max([c.high, open_, close], axis=0)
    low = np.min([c.low, open_, close], axis=0)
    return {"open": open_, "high": high, "low": low, "close": close}


def macd(v, fast, slow, signal):
    line = ema(v, fast) - ema(v, slow)
    average = ema(line, signal)
    return {"line": line, "signal": average, "histogram": line - average}


def rsi(v, n):
    change = np.diff(v, prepend=NAN)
    gain = rma(np.where(np.isnan(change), NAN, np.maximum(change, 0)), n)
    loss = rma(np.where(np.isnan(change), NAN, np.maximum(-change, 0)), n)
    index = np.where(gain + loss == 0, 50.0, 100 * divide(gain, gain + loss))
    for row in range(n + 1, len(index) if n > 1 else 0):
        # Both averages shrink alike: the index stays, exactly.
        if change[row] == 0 and not np.isnan(index[row - 1]):
            index[row] = index[row - 1]
    return index


def place(value, low, high):
    return 100 * divide(value - low, high - low)


def stoch(c, k, smooth, d):
    line = sma(place(c.close, lowest(c.low, k), highest(c.high, k)), smooth)
    return {"k": line, "d": sma(line, d)}


def stoch_rsi(v, n, stoch, k, d):
    index = rsi(v, n)
    line = sma(place(index, lowest(index, stoch), highest(index, stoch)), k)
    return {"k": line, "d": sma(line, d)}


def stc_single(v, cycle, fast, slow):
    line = ema(v, fast) - ema(v, slow)
    return sma(place(line, lowest(line, cycle), highest(line, cycle)), 3)


def stc_schaff(v, cycle, fast, slow, factor):
    def one_pass(line):
        raw = place(line, lowest(line, cycle), highest(line, cycle))
        out, kept, average = np.full(len(line), NAN), NAN, NAN
        for row, value in enumerate(raw):
            kept = value if not np.isnan(value) else kept
            average = kept if np.isnan(average) else average + factor * (kept - average)
            out[row] = average
        return out

    return one_pass(one_pass(ema(v, fast) - ema(v, slow)))


def true_range(c):
    before = back(c.close, 1)
    reach = [c.high - c.low, np.abs(c.high - before), np.abs(c.low - before)]
    return np.where(np.isnan(before), NAN, np.max(reach, axis=0))


def atr(c, n):
    return rma(true_range(c), n)


def adx(c, n):
    up, down = c.high - back(c.high, 1), back(c.low, 1) - c.low
    plus = np.where((up > down) & (up > 0), up, 0.0)
    minus = np.where((down > up) & (down > 0), down, 0.0)

    def sums(values):
        out, held = np.full(len(values), NAN), 0.0
        for row in range(1, len(values)):
            held = held + values[row] if row < n else held - held / n + values[row]
            if row >= n:
                out[row] = held
        return out

    ranges = sums(true_range(c))
    plus, minus = 100 * divide(sums(plus), ranges), 100 * divide(sums(minus), ranges)
    return {"plus": plus, "minus": minus,
            "adx": rma(100 * divide(np.abs(plus - minus), plus + minus), n)}


def bollinger(v, n, mult):
    middle, spread = sma(v, n), mult * stdev(v, n)
    upper, lower = middle + spread, middle - spread
    return {"middle": middle, "upper": upper, "lower": lower,
            "percentB": divide(v - lower, upper - lower), "width": divide(upper - lower, middle)}


def keltner(c, n, mult, length):
    middle, spread = ema(c.close, n), mult * atr(c, length)
    return {"middle": middle, "upper": middle + spread, "lower": middle - spread}


def donchian(c, n):
    upper, lower = highest(c.high, n), lowest(c.low, n)
    return {"upper": upper, "lower": lower, "middle": (upper + lower) / 2}


def supertrend(c, n, mult):
    line, direction = np.full((2, len(c.close)), NAN)
    ranges, upper, lower, rises = atr(c, n), NAN, NAN, None
    for row in range(n, len(c.close)):
        middle = (c.high[row] + c.low[row]) / 2
        high, low = middle + mult * ranges[row], middle - mult * ranges[row]
        if rises is None:
            rises, upper, lower = c.close[row] >= middle, high, low
        before = c.close[row - 1]
        upper = high if high < upper or before > upper else upper
        lower = low if low > lower or before < lower else lower
        rises = c.close[row] > (lower if rises else upper)
        line[row], direction[row] = (lower, 1) if rises else (upper, -1)
    return {"line": line, "direction": direction}


def chandelier(c, n, mult):
    spread = mult * atr(c, n)
    long, short = highest(c.high, n) - spread, lowest(c.low, n) + spread
    direction, now = np.full(len(long), NAN), NAN
    above, below = c.close > short, c.close < long
    for row in range(len(long)):
        up, down = above[row], below[row]
        if up and down:
            # Beyond both: the one it went beyond last; if both at once, nothing changes.
            new = [row == 0 or not side[row - 1] for side in (above, below)]
            up, down = (new[0], new[1]) if new[0] != new[1] else (False, False)
        now = 1 if up else -1 if down else now
        direction[row] = now
    return {"long": long, "short": short, "direction": direction}


def psar(c, step, most):
    value, direction = np.full((2, len(c.close)), NAN)
    if len(c.close) < 2:
        return {"value": value, "direction": direction}
    up, down = c.high[1] - c.high[0], c.low[0] - c.low[1]
    rises = not (down > up and down > 0)
    stop, extreme = (c.low[0], c.high[1]) if rises else (c.high[0], c.low[1])
    factor = step
    for row in range(1, len(c.close)):
        reach = slice(max(row - 1, 1), row + 1)
        low, high = c.low[reach].min(), c.high[reach].max()
        turned = c.low[row] <= stop if rises else c.high[row] >= stop
        if turned:
            rises = not rises
            # The extreme becomes the stop, outside of this candle and the one before.
            stop = min(extreme, low) if rises else max(extreme, high)
            factor, extreme = step, c.high[row] if rises else c.low[row]
        value[row], direction[row] = stop, 1 if rises else -1
        if not turned:
            beyond = c.high[row] > extreme if rises else c.low[row] < extreme
            if beyond:
                extreme = c.high[row] if rises else c.low[row]
                factor = min(factor + step, most)
        stop += factor * (extreme - stop)
        stop = min(stop, low) if rises else max(stop, high)
    return {"value": value, "direction": direction}


def ichimoku(c, tenkan, kijun, senkou):
    def middle(n):
        return (highest(c.high, n) + lowest(c.low, n)) / 2

    return {"tenkan": middle(tenkan), "kijun": middle(kijun),
            "senkouA": back((middle(tenkan) + middle(kijun)) / 2, kijun),
            "senkouB": back(middle(senkou), kijun)}


def cci(c, n):
    price = typical(c)
    mean = sma(price, n)
    spread = windows(price, n, lambda w: np.abs(w - w.mean(axis=1)[:, None]).mean(axis=1))
    flat = highest(price, n) == lowest(price, n)
    return np.where(flat, NAN, divide(price - mean, 0.015 * spread))


def mfi(c, n):
    price = typical(c)
    change, flow = np.diff(price, prepend=NAN), price * c.volume
    null = np.isnan(change)
    rise = total(np.where(null, NAN, np.where(change > 0, flow, 0)), n)
    fall = total(np.where(null, NAN, np.where(change < 0, flow, 0)), n)
    return 100 * divide(rise, rise + fall)


def obv(c):
    signs = np.sign(np.diff(c.close, prepend=c.close[0]))
    signs[0] = 1
    return np.cumsum(signs * c.volume)


def roc(v, n):
    return 100 * (divide(v, back(v, n)) - 1)


def williams_r(c, n):
    high, low = highest(c.high, n), lowest(c.low, n)
    return -100 * divide(high - c.close, high - low)


def aroon(c, n):
    def since(values, fold):
        # Of equal ones the latest.
        return windows(values, n + 1, lambda w: fold(w[:, ::-1], axis=1))

    up = 100 * (n - since(c.high, np.argmax)) / n
    down = 100 * (n - since(c.low, np.argmin)) / n
    return {"up": up, "down": down, "oscillator": up - down}


def zscore(v, n):
    return divide(v - sma(v, n), stdev(v, n))


def pivot_rows(values, left, right):
    """Rows that are strictly above `left` before and `right` after."""
    rows = []
    for row in range(left, len(values) - right):
        around = np.concatenate((values[row - left:row], values[row + 1:row + right + 1]))
        if (values[row] > around).all():
            rows.append(row)
    return rows


def pivots(c, left, right):
    out = {}
    for name, values, sign in (("high", c.high, 1), ("low", c.low, -1)):
        # Flags are conditions: false, not null, where nothing is known yet.
        price, flag = np.full(len(values), NAN), np.zeros(len(values))
        for row in pivot_rows(sign * values, left, right):
            price[row + right:] = values[row]
            flag[row + right] = 1
        out[name], out["isHigh" if sign > 0 else "isLow"] = price, flag
    return out


def rsi_divergence(c, n, left, right, within):
    index, out = rsi(c.close, n), {}
    for name, values, sign in (("bear", c.high, 1), ("bull", c.low, -1)):
        flag = np.zeros(len(values))
        rows = pivot_rows(sign * values, left, right)
        for before, row in zip(rows, rows[1:]):
            farther = sign * values[row] > sign * values[before]
            weaker = sign * index[row] < sign * index[before]
            if row - before <= within and farther and weaker:
                flag[row + right] = 1
        out[name] = flag
    return out
