"""independent.py BACKFLEET FILE.csv.gz ...: see independent.sh.

Compares every column of every indicator with definitions.py: which rows have a value, and the
values to 1e-9 of the greater of the value and `small` (a thousandth of the price or of a unit: a
difference of two prices has no more digits). Then the same on candles that are short, flat, without
volume, and with windows of 1.
"""

import csv
import gzip
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import definitions as d

TOLERANCE = 1e-9
DAY_MS = 86_400_000


class Candles:
    def __init__(self, name, path, times, columns):
        self.name, self.path, self.time_ms = name, path, times
        self.open, self.high, self.low, self.close, self.volume = columns


def read(path):
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))[1:]
    times = np.array([int(row[0]) for row in rows])
    columns = np.array([[float(cell) for cell in row[1:]] for row in rows]).T
    return Candles(Path(path).name.split(".")[0], path, times, columns)


def written(folder, name, columns):
    """Minutes from the start of a day; `columns`: open, high, low, close, volume."""
    times = 20_000 * DAY_MS + 60_000 * np.arange(len(columns[0]))
    path = Path(folder, f"{name}-1m.csv")
    rows = zip(times.tolist(), *(column.tolist() for column in columns))
    lines = [",".join(map(repr, row)) for row in rows]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines]) + "\n")
    return Candles(name, str(path), times, columns)


def edges(folder):
    """Candles on a coarse grid: ties, flat stretches, hours without volume; and very few of them."""
    rng = np.random.default_rng(11)
    count = 1500
    close = 64 + np.cumsum(rng.integers(-2, 3, count)) * 0.5
    close += 0.5 * 2 * max(0, 1 - close.min() // 1)
    open_ = np.concatenate(([close[0]], close[:-1]))
    high = np.maximum(open_, close) + 0.5 * rng.integers(0, 3, count)
    low = np.minimum(open_, close) - 0.5 * rng.integers(0, 2, count)
    volume = rng.integers(0, 4, count).astype(float)
    volume[300:420] = 0
    for column in (open_, high, low, close):
        column[600:760] = 80
        column[0:70] = 96
    high[760] = max(high[760], 80.5)
    high, low = np.max([open_, high, close], axis=0), np.min([open_, low, close], axis=0)
    grid = (open_, high, low, close, volume)
    yield written(folder, "grid", grid)
    for rows in (1, 2, 5, 27):
        yield written(folder, f"first {rows}".replace(" ", "_"), tuple(c[800:800 + rows] for c in grid))


def comparisons(c, small_windows):
    """name, arguments, our columns by output (None: the only one), small."""
    price = float(np.median(c.close)) / 1000
    close = {"of": "close"}
    v = c.close

    def column(name, arguments, values, small=price):
        return name, arguments, {None: values}, small

    for n in (1, 2) if small_windows else (2, 14, 20):
        of = close | {"n": n}
        for name, fold in (("sma", d.sma), ("ema", d.ema), ("emaFirst", d.ema_first), ("rma", d.rma), ("wma", d.wma), ("dema", d.dema),
                           ("tema", d.tema), ("highest", d.highest), ("lowest", d.lowest), ("stdev", d.stdev)):
            yield column(name, of, fold(v, n))
        if n > 1:
            yield column("hma", of, d.hma(v, n))
        yield column("vwma", of, d.vwma(c, v, n))
        yield column("rsi", of, d.rsi(v, n), 1)
        yield column("roc", of, d.roc(v, n), 1)
        yield column("mom", of, v - d.back(v, n))
        yield column("zscore", of, d.zscore(v, n), 1)
        yield column("atr", {"n": n}, d.atr(c, n))
        yield column("cci", {"n": n}, d.cci(c, n), 1)
        yield column("mfi", {"n": n}, d.mfi(c, n), 1)
        yield column("williamsR", {"n": n}, d.williams_r(c, n), 1)
        yield "linreg", of, d.linreg(v, n), price
        yield "adx", {"n": n}, d.adx(c, n), 1
        yield "aroon", {"n": n}, d.aroon(c, n), 1
        yield "donchian", {"n": n}, d.donchian(c, n), price
        yield "supertrend", {"n": n, "mult": 3}, d.supertrend(c, n, 3), price
        yield "supertrend", {"n": n, "mult": 0.5}, d.supertrend(c, n, 0.5), price
        yield "chandelier", {"n": n, "mult": 3}, d.chandelier(c, n, 3), price
        yield "chandelier", {"n": n, "mult": 0.5}, d.chandelier(c, n, 0.5), price
        for output, values in d.bollinger(v, n, 2).items():
            small = 1e-3 if output in ("percentB", "width") else price
            yield "bollinger", of | {"mult": 2}, {output: values}, small
        yield "keltner", {"n": n, "mult": 2, "atr": n + 3}, d.keltner(c, n, 2, n + 3), price
        yield "pivots", {"left": n, "right": 3}, d.pivots(c, n, 3), price
        divergence = {"rsi": 14, "left": n, "right": 3, "within": 60}
        yield "rsiDivergence", divergence, d.rsi_divergence(c, 14, n, 3, 60), 1
        stoch = {"k": n, "smooth": 3, "d": 2}
        yield "stoch", stoch, d.stoch(c, n, 3, 2), 1
        for k in (1, 3):
            arguments = close | {"rsi": 14, "stoch": n, "k": k, "d": 3}
            yield "stochRsi", arguments, d.stoch_rsi(v, 14, n, k, 3), 1
        # On a column with nulls inside: a flat window has no place.
        flat = {"bollinger": {"of": "close", "n": 5, "mult": 2, "output": "percentB"}}
        values = d.bollinger(v, 5, 2)["percentB"]
        for name, fold in (("ema", d.ema), ("emaFirst", d.ema_first), ("rma", d.rma), ("sma", d.sma), ("wma", d.wma), ("rsi", d.rsi),
                           ("highest", d.highest), ("stdev", d.stdev)):
            yield column(name, {"of": flat, "n": n}, fold(values, n), 1)
    yield "macd", close | {"fast": 12, "slow": 26, "signal": 9}, d.macd(v, 12, 26, 9), price
    yield column("stcSingle", close | {"cycle": 10, "fast": 23, "slow": 50}, d.stc_single(v, 10, 23, 50), 1)
    schaff = close | {"cycle": 10, "fast": 23, "slow": 50, "factor": 0.5}
    yield column("stcSchaff", schaff, d.stc_schaff(v, 10, 23, 50, 0.5), 1)
    yield "psar", {"step": 0.02, "max": 0.2}, d.psar(c, 0.02, 0.2), price
    yield "psar", {"step": 0.1, "max": 0.25}, d.psar(c, 0.1, 0.25), price
    yield "ichimoku", {"tenkan": 9, "kijun": 26, "senkou": 52}, d.ichimoku(c, 9, 26, 52), price
    yield column("vwap", {}, d.vwap(c))
    yield column("obv", {}, d.obv(c), 1)
    yield "heikinAshi", {}, d.heikin_ashi(c), price


def ours(backfleet, candles, name, arguments, output):
    call = json.dumps({name: arguments | ({"output": output} if output else {})})
    command = [backfleet, "indicator", call, "--candles", candles.path, "-o", "csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    rows = csv.DictReader(done.stdout.splitlines())
    values = [{"": "nan", "true": "1", "false": "0"}.get(row["value"], row["value"]) for row in rows]
    return np.array(values, float)


def main(backfleet, *paths):
    failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        series = [(read(path), False) for path in paths]
        series += [(candles, small) for candles in edges(folder) for small in (False, True)]
        for candles, small_windows in series:
            wanted = [
                (name, arguments, output, theirs, small)
                for name, arguments, columns, small in comparisons(candles, small_windows)
                for output, theirs in columns.items()
            ]
            mine = pool.map(lambda one: ours(backfleet, candles, *one[:3]), wanted)
            worst, columns = 0.0, 0
            for (name, arguments, output, theirs, small), values in zip(wanted, mine):
                label = f"{name}.{output} {json.dumps(arguments)}" if output else f"{name} {json.dumps(arguments)}"
                columns += 1
                if isinstance(values, str):
                    failed += 1
                    print(f"  {label}: refused: {values}")
                    continue
                nulls = np.flatnonzero(np.isnan(values) != np.isnan(theirs))
                both = ~np.isnan(values) & ~np.isnan(theirs)
                with np.errstate(invalid="ignore"):
                    error = np.abs(values - theirs) / np.maximum(np.abs(theirs), small)
                error[~both] = 0
                worst = max(worst, float(error.max(initial=0)))
                if len(nulls) or error.max(initial=0) > TOLERANCE:
                    failed += 1
                    at = nulls[0] if len(nulls) else int(np.argmax(error))
                    print(f"  {label}: row {at} is {values[at]!r}, independently {theirs[at]!r}; "
                          f"{len(nulls)} rows null in one only, worst {error.max(initial=0):.1e}")
            kind = "n = 1, 2" if small_windows else "usual n"
            print(f"{candles.name:24}{len(candles.close):8} candles{columns:5} columns, {kind}: worst {worst:.1e}",
                  flush=True)
    print(f"{failed} columns differ" if failed else "all columns agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
