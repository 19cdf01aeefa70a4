"""parity.py BACKFLEET FILE.csv.gz ...: see parity.sh.

Of each column: rows defined in both, the greatest error, and its rows that only one of them
defines. The error is relative to the greater of TA-Lib's value and `small`: TA-Lib keeps running
sums, whose rounding errors are of the size of the prices, so a result near 0 has few digits there.
"""

import csv
import gzip
import json
import subprocess
import sys

import numpy as np
import talib

TOLERANCE = 1e-9
# From here on nothing is left of different seeds.
SETTLED = 400


class Candles:
    def __init__(self, path):
        self.path = path
        with gzip.open(path, "rt") as file:
            rows = [[float(text) for text in row[1:]] for row in list(csv.reader(file))[1:]]
        columns = [np.ascontiguousarray(column) for column in np.array(rows).T]
        self.open, self.high, self.low, self.close, self.volume = columns


def ours(backfleet, candles, name, arguments, output):
    call = json.dumps({name: arguments | ({"output": output} if output else {})})
    command = [backfleet, "indicator", call, "--candles", candles.path, "-o", "csv"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return np.array([float(row["value"] or "nan") for row in csv.DictReader(text.splitlines())])


def comparisons(c):
    """name, arguments, output, TA-Lib's column, first row compared, small."""
    price = float(np.median(c.close))
    hlc = (c.high, c.low, c.close)
    close = {"of": "close"}
    n20, n14 = close | {"n": 20}, close | {"n": 14}

    def lines(name, arguments, outputs, columns, start=0, small=price / 1000):
        for output, column in zip(outputs, columns):
            yield name, arguments, output, column, start, small

    def one(name, arguments, column, small=price / 1000):
        return lines(name, arguments, [None], [column], 0, small)

    yield from one("sma", n20, talib.SMA(c.close, 20))
    yield from one("ema", n20, talib.EMA(c.close, 20))
    yield from one("wma", n20, talib.WMA(c.close, 20))
    yield from one("hma", n20, talib.HMA(c.close, 20))
    yield from one("hma", n14, talib.HMA(c.close, 14))
    yield from one("dema", n20, talib.DEMA(c.close, 20))
    yield from one("tema", n20, talib.TEMA(c.close, 20))
    yield from one("vwma", n20, talib.VWMA(c.close, c.volume, 20))
    yield from one("rma", n20, talib.RMA(c.close, 20))
    # TA-Lib seeds both averages on the row of the slow one.
    macd = close | {"fast": 12, "slow": 26, "signal": 9}
    yield from lines("macd", macd, ["line", "signal", "histogram"], talib.MACD(c.close), SETTLED)
    yield from one("rsi", n14, talib.RSI(c.close, 14), 1)
    yield from lines("stoch", {"k": 14, "smooth": 3, "d": 3}, "kd", talib.STOCH(*hlc, 14, 3, 0, 3, 0), 0, 1)
    stoch_rsi = close | {"rsi": 14, "stoch": 14, "k": 1, "d": 3}
    yield from lines("stochRsi", stoch_rsi, "kd", talib.STOCHRSI(c.close, 14, 14, 3, 0), 0, 1)
    yield from one("atr", {"n": 14}, talib.ATR(*hlc, 14))
    directions = [talib.ADX(*hlc, 14), talib.PLUS_DI(*hlc, 14), talib.MINUS_DI(*hlc, 14)]
    yield from lines("adx", {"n": 14}, ["adx", "plus", "minus"], directions, 0, 1)
    bands = ["upper", "middle", "lower"]
    yield from lines("bollinger", n20 | {"mult": 2}, bands, talib.BBANDS(c.close, 20, 2.0, 2.0))
    yield from lines("donchian", {"n": 20}, bands, talib.DONCHIAN(c.high, c.low, 20))
    trend = ["line", "direction"]
    yield from lines("supertrend", {"n": 10, "mult": 3}, trend, talib.SUPERTREND(*hlc, 10, 3.0))
    yield from one("psar", {"step": 0.02, "max": 0.2}, talib.SAR(c.high, c.low, 0.02, 0.2))
    yield from one("cci", {"n": 20}, talib.CCI(*hlc, 20), 1)
    yield from one("mfi", {"n": 14}, talib.MFI(*hlc, c.volume, 14), 1)
    yield from one("obv", {}, talib.OBV(c.close, c.volume))
    yield from one("roc", close | {"n": 10}, talib.ROC(c.close, 10))
    yield from one("mom", close | {"n": 10}, talib.MOM(c.close, 10))
    yield from one("williamsR", {"n": 14}, talib.WILLR(*hlc, 14), 1)
    down, up = talib.AROON(c.high, c.low, 25)
    aroon = [up, down, talib.AROONOSC(c.high, c.low, 25)]
    yield from lines("aroon", {"n": 25}, ["up", "down", "oscillator"], aroon, 0, 1)
    yield from one("stdev", n20, talib.STDDEV(c.close, 20))
    line = [talib.LINEARREG_SLOPE(c.close, 14), talib.LINEARREG(c.close, 14)]
    yield from lines("linreg", n14, ["slope", "value"], line)
    yield from one("highest", n20, talib.MAX(c.close, 20))
    yield from one("lowest", n20, talib.MIN(c.close, 20))
    pivots = [np.asarray(column) / 100 for column in talib.FRACTAL(c.high, c.low, 5, 5)]
    yield from lines("pivots", {"left": 5, "right": 5}, ["isHigh", "isLow"], pivots)
    prices = ["open", "high", "low", "close"]
    yield from lines("heikinAshi", {}, prices, talib.HA(c.open, *hlc))


def main(backfleet, *paths):
    failed = 0
    for path in paths:
        candles = Candles(path)
        print(f"{path}: {len(candles.close)} candles")
        print(f"{'column':24}{'first':>7}{'TA-Lib':>8}{'compared':>10}{'worst':>10}")
        for name, arguments, output, theirs, start, small in comparisons(candles):
            theirs = np.asarray(theirs, float)
            mine = ours(backfleet, candles, name, arguments, output)
            both = ~np.isnan(mine) & ~np.isnan(theirs)
            both[:start] = False
            error = np.abs(mine - theirs)[both] / np.maximum(np.abs(theirs[both]), small)
            worst = error.max() if error.size else np.inf
            firsts = [int(np.argmax(~np.isnan(column))) for column in (mine, theirs)]
            label = f"{name}.{output}" if output else name
            verdict = "" if worst <= TOLERANCE else "  FAILED"
            print(f"{label:24}{firsts[0]:7}{firsts[1]:8}{error.size:10}{worst:10.1e}{verdict}")
            failed += worst > TOLERANCE
    print(f"{failed} columns differ" if failed else "all columns agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
