#!/usr/bin/env python3
"""Writes crates/engine/tests/fixtures/indicators.json: what every indicator is on shipped candles.

An independent reading of docs/concepts/indicators.md: each value is computed from its definition,
row by row, as slowly as that takes. Needs numpy only. Run it from anywhere; it takes a minute:

    python3 scripts/indicator_fixtures.py

Of each output the file has the first defined row, the values of the first 3 defined and the last
30 rows, and count and sum of all defined values; null is null. Floats are in shortest form.
"""

import csv
import gzip
import json
import math
import pathlib
import numpy as np
from indicator_averages import (
    NULL, dema, deviation, divided, earlier, ema, ema_first, highest, hma, lowest, mean, quotients,
    rma, sma, tema, vwma, windows, wma,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "crates/engine/tests/fixtures/indicators.json"
HEAD, TAIL, DAY_MS = 3, 30, 86_400_000


class Candles:
    """Columns of a file of candles."""

    def __init__(self, path):
        with gzip.open(path, "rt") as file:
            rows = [row for row in csv.reader(file)][1:]
        self.time = [int(row[0]) for row in rows]
        columns = np.array([[float(text) for text in row[1:]] for row in rows]).T
        self.open, self.high, self.low, self.close, self.volume = columns

    @property
    def typical(self):
        return (self.high + self.low + self.close) / 3


def macd(values, fast, slow, signal):
    line = ema(values, fast) - ema(values, slow)
    average = ema(line, signal)
    return line, average, line - average


def rsi(values, n):
    change = values - earlier(values, 1)
    gain = rma(np.where(np.isnan(change), NULL, np.maximum(change, 0)), n)
    loss = rma(np.where(np.isnan(change), NULL, np.maximum(-change, 0)), n)
    out = np.full(len(values), NULL)
    for row, (up, down) in enumerate(zip(gain, loss)):
        # Where a value stays, both averages shrink alike.
        if change[row] == 0 and not math.isnan(out[row - 1]):
            out[row] = out[row - 1]
        else:
            out[row] = 50.0 if up + down == 0 else 100 * up / (up + down)
    return out


def place(values, high, low, n):
    top, bottom = highest(high, n), lowest(low, n)
    return 100 * quotients(values - bottom, top - bottom)


def stoch(c, n, smooth, d):
    k = sma(place(c.close, c.high, c.low, n), smooth)
    return k, sma(k, d)


def stoch_rsi(values, n, rows, k, d):
    index = rsi(values, n)
    slow = sma(place(index, index, index, rows), k)
    return slow, sma(slow, d)


def true_range(c):
    before = earlier(c.close, 1)
    rows = zip(c.high, c.low, before)
    return np.array([NULL if math.isnan(b) else max(h, b) - min(l, b) for h, l, b in rows])


def atr(c, n):
    return rma(true_range(c), n)


def adx(c, n):
    """Sums of Wilder from rows 1 to n - 1 on, as TA-Lib."""
    ranges = true_range(c)
    size = len(ranges)
    plus, minus, strength = (np.full(size, NULL) for _ in range(3))
    moves = [(0.0, 0.0, 0.0)]
    for row in range(1, size):
        up, down = c.high[row] - c.high[row - 1], c.low[row - 1] - c.low[row]
        moves.append((max(up, 0) if up > down else 0, max(down, 0) if down > up else 0, ranges[row]))
    sums = np.sum(np.array(moves[1:n]).reshape(-1, 3), axis=0)
    for row in range(n, size):
        sums = sums * (1 - 1 / n) + np.array(moves[row])
        plus[row], minus[row] = 100 * divided(sums[0], sums[2]), 100 * divided(sums[1], sums[2])
        strength[row] = 100 * divided(abs(plus[row] - minus[row]), plus[row] + minus[row])
    return rma(strength, n), plus, minus


def bollinger(values, n, mult):
    middle, width = sma(values, n), mult * windows(values, n, deviation)
    upper, lower = middle + width, middle - width
    inside = quotients(values - lower, upper - lower)
    return middle, upper, lower, inside, quotients(upper - lower, middle)


def keltner(c, n, mult, rows):
    middle, width = ema(c.close, n), mult * atr(c, rows)
    return middle, middle + width, middle - width


def middle_of(c, n):
    return (highest(c.high, n) + lowest(c.low, n)) / 2


def donchian(c, n):
    return highest(c.high, n), lowest(c.low, n), middle_of(c, n)


def supertrend(c, n, mult):
    width = mult * atr(c, n)
    middle = (c.high + c.low) / 2
    line, direction = (np.full(len(middle), NULL) for _ in range(2))
    for row in range(n, len(middle)):
        high, low = middle[row] + width[row], middle[row] - width[row]
        if row == n:
            upper, lower, rising = high, low, c.close[row] >= middle[row]
        before = c.close[row - 1]
        upper = high if high < upper or before > upper else upper
        lower = low if low > lower or before < lower else lower
        rising = c.close[row] > (lower if rising else upper)
        line[row], direction[row] = (lower, 1) if rising else (upper, -1)
    return line, direction


def chandelier(c, n, mult):
    width = mult * atr(c, n)
    long, short = highest(c.high, n) - width, lowest(c.low, n) + width
    direction = np.full(len(width), NULL)
    # Rows on which the close went beyond each line; null while it is not beyond.
    above = below = None
    for row in range(len(width)):
        above = (row if above is None else above) if c.close[row] > short[row] else None
        below = (row if below is None else below) if c.close[row] < long[row] else None
        direction[row] = direction[row - 1] if row else NULL
        if above is not None and (below is None or above > below):
            direction[row] = 1
        elif below is not None and (above is None or below > above):
            direction[row] = -1
    return long, short, direction


def psar(c, step, most):
    size = len(c.high)
    value, direction = (np.full(size, NULL) for _ in range(2))
    fall, rise = c.low[0] - c.low[1], c.high[1] - c.high[0]
    rising = not (fall > 0 and fall > rise)
    extreme, sar = (c.high[1], c.low[0]) if rising else (c.low[1], c.high[0])
    factor = min(step, most)
    for row in range(1, size):
        last = [max(row - 1, 1), row]
        limit = lambda: min(c.low[last]) if rising else max(c.high[last])
        clip = lambda sar: min(sar, limit()) if rising else max(sar, limit())
        if (c.low[row] <= sar) if rising else (c.high[row] >= sar):
            rising = not rising
            sar, factor = clip(extreme), min(step, most)
            extreme = c.high[row] if rising else c.low[row]
        elif (c.high[row] > extreme) if rising else (c.low[row] < extreme):
            extreme = c.high[row] if rising else c.low[row]
            factor = min(factor + step, most)
        value[row], direction[row] = sar, 1 if rising else -1
        sar = clip(sar + factor * (extreme - sar))
    return value, direction


def ichimoku(c, tenkan, kijun, senkou):
    fast, slow = middle_of(c, tenkan), middle_of(c, kijun)
    return fast, slow, earlier((fast + slow) / 2, kijun), earlier(middle_of(c, senkou), kijun)


def stc_single(values, cycle, fast, slow):
    line = ema(values, fast) - ema(values, slow)
    return sma(place(line, line, line, cycle), 3)


def schaff_pass(values, n, factor):
    raw = place(values, values, values, n)
    empty = np.isnan(windows(values, n, mean))
    out = np.full(len(values), NULL)
    last = current = NULL
    for row, value in enumerate(raw):
        if empty[row]:
            last = current = NULL
            continue
        last = last if math.isnan(value) else value
        current = last if math.isnan(current) else current + factor * (last - current)
        out[row] = current
    return out


def stc_schaff(values, cycle, fast, slow, factor):
    line = ema(values, fast) - ema(values, slow)
    return schaff_pass(schaff_pass(line, cycle, factor), cycle, factor)


def cci(c, n):
    def index(window):
        middle = mean(window)
        return divided(window[-1] - middle, 0.015 * mean(abs(window - middle)))

    return windows(c.typical, n, index)


def mfi(c, n):
    change = c.typical - earlier(c.typical, 1)
    flow = c.typical * c.volume
    total = lambda keep: windows(np.where(np.isnan(change), NULL, flow * keep), n, math.fsum)
    up, down = total(change > 0), total(change < 0)
    return 100 * quotients(up, up + down)


def obv(c):
    sign = np.sign(np.diff(c.close))
    return np.cumsum(np.concatenate([c.volume[:1], sign * c.volume[1:]]))


def roc(values, n):
    before = earlier(values, n)
    return 100 * quotients(values - before, before)


def williams_r(c, n):
    top, bottom = highest(c.high, n), lowest(c.low, n)
    return -100 * quotients(top - c.close, top - bottom)


def aroon(c, n):
    near = lambda window, best: 100 * (n - window[::-1].tolist().index(best(window))) / n
    up = windows(c.high, n + 1, lambda window: near(window, max))
    down = windows(c.low, n + 1, lambda window: near(window, min))
    return up, down, up - down


def vwap(c):
    out = np.full(len(c.time), NULL)
    days = np.array(c.time) // DAY_MS
    for row, day in enumerate(days):
        rows = slice(int(np.searchsorted(days, day)), row + 1)
        volume = math.fsum(c.volume[rows])
        out[row] = divided(math.fsum(c.typical[rows] * c.volume[rows]), volume)
    return out


def zscore(values, n):
    return windows(values, n, lambda window: divided(window[-1] - mean(window), deviation(window)))


def linreg(values, n):
    offsets = np.arange(n) - (n - 1) / 2
    squares = math.fsum(offsets**2)
    slope = windows(values, n, lambda window: math.fsum(offsets * (window - mean(window))) / squares)
    return slope, sma(values, n) + slope * (n - 1) / 2


def confirmed(prices, left, right, beats):
    """For each row the pivot it confirms, None if none, null where it cannot be known."""
    out = []
    for row in range(len(prices)):
        pivot = row - right
        if pivot < left:
            out.append(NULL)
            continue
        others = [prices[at] for at in range(pivot - left, row + 1) if at != pivot]
        out.append(pivot if all(beats(prices[pivot], other) for other in others) else None)
    return out


def above(price, other):
    return price > other


def below(price, other):
    return price < other


def flag(pivot):
    return NULL if isinstance(pivot, float) else float(pivot is not None)


def pivots(c, left, right):
    outputs = []
    for prices, beats in [(c.high, above), (c.low, below)]:
        found = confirmed(prices, left, right, beats)
        last, column = NULL, []
        for pivot in found:
            last = prices[pivot] if isinstance(pivot, int) else last
            column.append(last)
        outputs.append((np.array(column), np.array([flag(pivot) for pivot in found])))
    (high, is_high), (low, is_low) = outputs
    return high, low, is_high, is_low


def heikin_ashi(c):
    close = (c.open + c.high + c.low + c.close) / 4
    opens = [(c.open[0] + c.close[0]) / 2]
    for row in range(1, len(close)):
        opens.append((opens[-1] + close[row - 1]) / 2)
    opens = np.array(opens)
    return opens, np.maximum.reduce([c.high, opens, close]), np.minimum.reduce([c.low, opens, close]), close


def rsi_divergence(c, n, left, right, within):
    index = rsi(c.close, n)
    outputs = []
    for prices, beats in [(c.low, below), (c.high, above)]:
        last, column = None, []
        for row, pivot in enumerate(confirmed(prices, left, right, beats)):
            if isinstance(pivot, float) or math.isnan(index[row - right]):
                column.append(NULL)
                continue
            column.append(0.0)
            if pivot is not None:
                near = last is not None and pivot - last <= within
                if near and beats(prices[pivot], prices[last]) and beats(index[last], index[pivot]):
                    column[-1] = 1.0
                last = pivot
        outputs.append(np.array(column))
    return outputs


def of_close(function):
    return lambda c, *args: function(c.close, *args)


FUNCTIONS = {
    "sma": of_close(sma), "ema": of_close(ema), "emaFirst": of_close(ema_first), "wma": of_close(wma), "hma": of_close(hma),
    "dema": of_close(dema), "tema": of_close(tema), "rma": of_close(rma), "macd": of_close(macd),
    "vwma": lambda c, n: vwma(c.close, c.volume, n), "rsi": of_close(rsi), "stoch": stoch,
    "stochRsi": of_close(stoch_rsi), "atr": atr, "adx": adx, "bollinger": of_close(bollinger),
    "keltner": keltner, "donchian": donchian, "supertrend": supertrend, "chandelier": chandelier,
    "psar": psar, "ichimoku": ichimoku, "stcSingle": of_close(stc_single),
    "stcSchaff": of_close(stc_schaff), "cci": cci, "mfi": mfi, "obv": obv, "roc": of_close(roc),
    "mom": lambda c, n: c.close - earlier(c.close, n), "williamsR": williams_r, "aroon": aroon,
    "vwap": vwap, "zscore": of_close(zscore),
    "stdev": lambda c, n: windows(c.close, n, deviation), "linreg": of_close(linreg),
    "highest": of_close(highest), "lowest": of_close(lowest), "pivots": pivots,
    "heikinAshi": heikin_ashi, "rsiDivergence": rsi_divergence,
}

# Series, and the calls on it.
CALLS = {
    "us_GOOG-1d": [
        ("sma", 20), ("ema", 26), ("emaFirst", 26), ("wma", 20), ("hma", 15), ("dema", 20), ("tema", 20), ("vwma", 20),
        ("rma", 14), ("macd", 12, 26, 9), ("rsi", 14), ("stoch", 14, 3, 3), ("stochRsi", 14, 14, 3, 3),
        ("atr", 14), ("adx", 14), ("bollinger", 20, 2), ("keltner", 20, 2, 10), ("donchian", 20),
        ("supertrend", 10, 3), ("chandelier", 22, 3), ("psar", 0.02, 0.2), ("ichimoku", 9, 26, 52),
        ("stcSingle", 10, 23, 50), ("stcSchaff", 10, 23, 50, 0.5), ("cci", 20), ("mfi", 14), ("obv",),
        ("roc", 10), ("mom", 10), ("williamsR", 14), ("aroon", 25), ("vwap",), ("zscore", 20),
        ("stdev", 20), ("linreg", 14), ("highest", 20), ("lowest", 20), ("pivots", 5, 5),
        ("heikinAshi",), ("rsiDivergence", 14, 5, 5, 60),
    ],
    # Minutes with gaps, flat candles and several days.
    "coinbase_ETHUSD-1m": [
        ("vwma", 7), ("rsi", 2), ("stoch", 3, 1, 2), ("stochRsi", 3, 3, 1, 1), ("adx", 5),
        ("supertrend", 3, 1.5), ("chandelier", 5, 1), ("psar", 0.05, 0.12), ("stcSchaff", 4, 5, 9, 0.4),
        ("cci", 20), ("mfi", 3), ("obv",), ("williamsR", 3), ("aroon", 7), ("vwap",), ("zscore", 3),
        ("pivots", 3, 2), ("rsiDivergence", 5, 3, 2, 30),
    ],
}


def number(value):
    return None if math.isnan(value) else float(value)


def entry(column):
    defined = [row for row, value in enumerate(column) if not math.isnan(value)]
    first = defined[0]
    return {
        "first": first,
        "head": [number(value) for value in column[first : first + HEAD]],
        "tail": [number(value) for value in column[-TAIL:]],
        "defined": len(defined),
        "sum": math.fsum(column[row] for row in defined),
    }


def main():
    lines = []
    for series, calls in CALLS.items():
        candles = Candles(ROOT / "examples/candles" / f"{series}.csv.gz")
        for name, *args in calls:
            outputs = FUNCTIONS[name](candles, *args)
            outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
            for index, column in enumerate(outputs):
                call = {"series": series, "name": name, "args": args, "output": index}
                lines.append(json.dumps(call | entry(column)))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines)} columns in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
