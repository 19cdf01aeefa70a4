"""Indicators of ENGINE section 5, one plain loop each. A null is None; row 0 is the first candle of history."""

from math import sqrt


def windows(values, n):
    """The last n values at each row, or None where fewer exist or one of them is null."""
    for row in range(len(values)):
        window = values[max(0, row + 1 - n) : row + 1]
        yield window if len(window) == n and None not in window else None


def over(values, n, f):
    """f of the last n values at each row."""
    return [None if window is None else f(window) for window in windows(values, n)]


def mean(values):
    return sum(values) / len(values)


def sma(values, n):
    return over(values, n, mean)


def recursive(values, n, weight):
    """Average that starts as the mean of n values and then moves by weight towards each new one."""
    out, current = [], None
    for row, value in enumerate(values):
        if value is None:
            current = None
        elif current is not None:
            current += weight * (value - current)
        else:
            window = values[max(0, row + 1 - n) : row + 1]
            if len(window) == n and None not in window:
                current = mean(window)
        out.append(current)
    return out


def ema(values, n):
    return recursive(values, n, 2 / (n + 1))


def rma(values, n):
    return recursive(values, n, 1 / n)


def minus(a, b):
    return [None if x is None or y is None else x - y for x, y in zip(a, b)]


def macd(values, fast, slow, signal):
    line = minus(ema(values, fast), ema(values, slow))
    smooth = ema(line, signal)
    return {"line": line, "signal": smooth, "histogram": minus(line, smooth)}


def rsi(values, n):
    changes = [None][: len(values)] + [
        None if a is None or b is None else b - a for a, b in zip(values, values[1:])
    ]
    gains = rma([None if c is None else max(c, 0.0) for c in changes], n)
    losses = rma([None if c is None else max(-c, 0.0) for c in changes], n)
    out = []
    for change, gain, loss in zip(changes, gains, losses):
        if gain is None:
            out.append(None)
        elif change == 0 and out and out[-1] is not None and n > 1:
            # Both averages shrink by one factor: their ratio stays, and so must its last bit.
            out.append(out[-1])
        elif gain + loss == 0:
            out.append(50.0)
        else:
            out.append(100 * gain / (gain + loss))
    return out


def true_range(candles):
    out = [None][: len(candles)]
    for before, c in zip(candles, candles[1:]):
        out.append(max(c.high - c.low, abs(c.high - before.close), abs(c.low - before.close)))
    return out


def atr(candles, n):
    return rma(true_range(candles), n)


def deviation(window):
    """Population deviation; that of equal values is 0, not the rounding of their mean."""
    if min(window) == max(window):
        return 0.0
    middle = mean(window)
    return sqrt(sum((x - middle) ** 2 for x in window) / len(window))


def stdev(values, n):
    return over(values, n, deviation)


def zscore(values, n):
    def score(window):
        s = deviation(window)
        return None if s == 0 else (window[-1] - mean(window)) / s

    return over(values, n, score)


def bollinger(values, n, mult):
    out = {"middle": [], "upper": [], "lower": [], "percentB": [], "width": []}
    for window in windows(values, n):
        if window is None:
            for column in out.values():
                column.append(None)
            continue
        middle, s = mean(window), deviation(window)
        upper, lower = middle + mult * s, middle - mult * s
        out["middle"].append(middle)
        out["upper"].append(upper)
        out["lower"].append(lower)
        same = upper == lower
        out["percentB"].append(None if same else (window[-1] - lower) / (upper - lower))
        out["width"].append(None if middle == 0 else (upper - lower) / middle)
    return out


def highest(values, n):
    return over(values, n, max)


def lowest(values, n):
    return over(values, n, min)


def donchian(candles, n):
    upper = highest([c.high for c in candles], n)
    lower = lowest([c.low for c in candles], n)
    middle = [None if u is None else (u + l) / 2 for u, l in zip(upper, lower)]
    return {"upper": upper, "lower": lower, "middle": middle}


def supertrend(candles, n, mult):
    """As Skender.Stock.Indicators: first row n, bands ratchet by the previous close."""
    ranges = atr(candles, n)
    line, direction = [], []
    upper = lower = up = None
    for row, c in enumerate(candles):
        if ranges[row] is None:
            line.append(None)
            direction.append(None)
            continue
        middle = (c.high + c.low) / 2
        new_upper, new_lower = middle + mult * ranges[row], middle - mult * ranges[row]
        if up is None:
            up, upper, lower = c.close >= middle, new_upper, new_lower
        previous = candles[row - 1].close
        if new_upper < upper or previous > upper:
            upper = new_upper
        if new_lower > lower or previous < lower:
            lower = new_lower
        up = not c.close <= (lower if up else upper)
        line.append(lower if up else upper)
        direction.append(1.0 if up else -1.0)
    return {"line": line, "direction": direction}


def wma(values, n):
    return over(values, n, lambda w: sum(x * (i + 1) for i, x in enumerate(w)) / (n * (n + 1) / 2))


def mom(values, n):
    return [
        None if row < n or values[row] is None or values[row - n] is None
        else values[row] - values[row - n]
        for row in range(len(values))
    ]


def roc(values, n):
    return [
        None if row < n or values[row] is None or not values[row - n]
        else 100 * (values[row] - values[row - n]) / values[row - n]
        for row in range(len(values))
    ]


def place(values, n):
    """Where the last of n values lies between their extremes, percent; null where these meet."""
    def of(window):
        low, high = min(window), max(window)
        return None if high == low else 100 * (window[-1] - low) / (high - low)

    return over(values, n, of)


def stoch_rsi(values, rsi_n, stoch, k, d):
    smooth = sma(place(rsi(values, rsi_n), stoch), k)
    return smooth, sma(smooth, d)


def stc_schaff(values, cycle, fast, slow, factor):
    """Two passes of a place in a range and a smoothing by `factor`."""
    line = minus(ema(values, fast), ema(values, slow))
    return schaff_pass(schaff_pass(line, cycle, factor), cycle, factor)


def schaff_pass(values, cycle, factor):
    out, before, smooth = [], None, None
    for window in windows(values, cycle):
        if window is None:
            out.append(None)
            continue
        low, high = min(window), max(window)
        if high > low:
            before = 100 * (window[-1] - low) / (high - low)
        if before is not None:
            smooth = before if smooth is None else smooth + factor * (before - smooth)
        out.append(smooth)
    return out


def chandelier(candles, n, mult):
    """Exit lines, and which of them the close went beyond last."""
    ranges = atr(candles, n)
    top, bottom = highest([c.high for c in candles], n), lowest([c.low for c in candles], n)
    out = {"long": [], "short": [], "direction": []}
    direction, above_since, below_since = None, None, None
    for row, c in enumerate(candles):
        if ranges[row] is None:
            long = short = None
        else:
            long, short = top[row] - mult * ranges[row], bottom[row] + mult * ranges[row]
            above_since = (above_since if above_since is not None else row) if c.close > short else None
            below_since = (below_since if below_since is not None else row) if c.close < long else None
            if above_since is not None and (below_since is None or above_since > below_since):
                direction = 1.0
            elif below_since is not None and (above_since is None or below_since > above_since):
                direction = -1.0
        out["long"].append(long)
        out["short"].append(short)
        out["direction"].append(direction)
    return out
