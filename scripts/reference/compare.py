"""Runs drawn cases through the engine's binary and through the reference, and shows differences.

`python3 compare.py WIDTH FIRST COUNT` with WIDTH from 1 (plain settings) to 5 (long series), 6 (the
switches of peers, funding, named signals, other tickers, days, weeks and months), 7 (finer
candles as well) and 8 (width 6 on shipped real candles). The binary is target/debug/backfleet, or what BACKFLEET names.
"""

import copy
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import drawn
import outcome
import spoken
import wide
from beside import Beside
from strategy import MINUTE_MS, Series
from walk import Walk

BINARY = os.environ.get("BACKFLEET", Path(__file__).parents[2] / "target/debug/backfleet")
TOLERANCE = 1e-9
SHOWN = 6
OF_WINS = (
    "winRate", "payoff", "kelly", "expectancyR", "longestWinStreak", "longestLossStreak",
    "topTradeProfitShare", "top5ProfitShare",
)
OF_DUST = ("cagr", "cagrCalendar", "calmar", "stability", "turnover")
OF_DEBT = ("maxDrawdownDaily", "ulcerIndex", "calmar", "recoveryFactor", "upi", "turnover")


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_candles(path, candles):
    rows = [f"{c.time},{c.open!r},{c.high!r},{c.low!r},{c.close!r},{c.volume!r}\n" for c in candles]
    path.write_text("timestamp,open,high,low,close,volume\n" + "".join(rows))
    return path


def engine(request, candles, folder, beside=None):
    """The engine's document, or None and what it said."""
    beside, folder = beside or Beside(), Path(folder)
    files = [write_candles(folder / "candles.csv", candles)]
    files += [
        write_candles(folder / f"any_{ticker}.csv", rows) for ticker, rows in beside.others.items()
    ]
    asked = folder / "request.json"
    asked.write_text(json.dumps(request))
    command = [str(BINARY), "run", asked, "--json"]
    if beside.detail:
        # Finer candles are those of a data folder.
        config = request["universalConfig"]
        finer = write_candles(folder / "finer.csv", beside.detail)
        command += ["--data", folder / "data"]
        for file, timeframe in (files[0], config["timeframe"]), (finer, config["detailTimeframe"]):
            told = ["--exchange", "any", "--ticker", config["ticker"], "--timeframe", timeframe]
            put = [str(BINARY), "candles", "import", file, *told, "--data", folder / "data"]
            put += ["--calendar", config["calendar"]]
            done = subprocess.run(put, capture_output=True, text=True)
            if done.returncode:
                return None, done.stderr
    else:
        for file in files:
            command += ["--candles", file]
    if beside.column is not None:
        table = folder / "signals.csv"
        rows = [f"{iso(time)},{value}\n" for time, value in sorted(beside.column.items())]
        table.write_text("open_time,signal\n" + "".join(rows))
        command += ["--signals", table]
    if beside.rates is not None:
        table = folder / "rates.csv"
        rows = [f"{t},{rate!r},{'' if mark is None else mark}\n" for t, rate, mark in beside.rates]
        table.write_text("fundingTime,fundingRate,markPrice\n" + "".join(rows))
        command += ["--funding", table]
    done = subprocess.run(command, capture_output=True, text=True)
    return (None, done.stderr) if done.returncode else (json.loads(done.stdout), done.stderr)


def reference(request, candles, start, end, warmup, beside=None):
    run = lambda request: outcome.document(Walk(request, candles[:end], start, warmup, beside).run())
    found = run(request)
    if request["universalConfig"].get("fill", {}).get("sensitivity"):
        ways = {}
        for way in ("stopFirst", "targetFirst"):
            again = copy.deepcopy(request)
            again["universalConfig"]["fill"]["bothTouched"] = way
            ways[way] = run(again)
        found["sensitivity"] = outcome.sensitivity(found, ways)
    return found


def drawn_case(seed, width):
    rng = random.Random(f"{width}-{seed}")
    if width == 8:
        return real_case(rng)
    if width > 5:
        return drawn_wide(rng, width)
    timeframe = rng.choice(["1h", "1h", "4h", "15m"])
    minutes = {"1h": 60, "4h": 240, "15m": 15}[timeframe]
    candles = drawn.candles(rng, rng.choice([60, 150, 400] if width < 5 else [900]), minutes)
    request = drawn.request(rng, width, timeframe)
    start = rng.choice([0, 0, len(candles) // 3])
    end = len(candles) if rng.random() < 0.8 else len(candles) - 5
    set_range(request, candles, start, end, minutes)
    return request, candles, start, end, Beside()


def drawn_wide(rng, width):
    """A case with what beside the candles there may be."""
    timeframe = rng.choice(["1h", "1h", "4h", "15m", "1d"])
    minutes = {"1h": 60, "4h": 240, "15m": 15, "1d": 1440}[timeframe]
    count = rng.choice([60, 150, 400])
    detail = wide.finer(rng, count, minutes) if width == 7 and minutes > 15 else None
    candles = wide.merged(detail, minutes) if detail else drawn.candles(rng, count, minutes)
    request = drawn.request(rng, rng.choice([2, 3, 3, 4]), timeframe)
    if timeframe == "1d":
        request = json.loads(json.dumps(request).replace('"4h"', '"1w"'))
    start = rng.choice([0, 0, len(candles) // 3])
    end = len(candles) if rng.random() < 0.8 else len(candles) - 5
    beside = wide.beside(rng, request["universalConfig"], candles, minutes, detail, width)
    set_range(request, candles, start, end, minutes)
    return request, candles, start, end, beside


def real_case(rng):
    """Settings of width 6 on a stretch of real candles."""
    candles, minutes = wide.shipped(rng)
    timeframe = {5: "5m", 15: "15m", 60: "1h", 240: "4h", 1440: "1d"}[minutes]
    request = drawn.request(rng, rng.choice([2, 3, 4]), timeframe)
    if timeframe == "1d":
        request = json.loads(json.dumps(request).replace('"4h"', '"1w"'))
    start = rng.choice([0, len(candles) // 3])
    beside = wide.beside(rng, request["universalConfig"], candles, minutes, None, 6)
    set_range(request, candles, start, len(candles), minutes)
    return request, candles, start, len(candles), beside


def set_range(request, candles, start, end, minutes):
    last = candles[end - 1].time + minutes * MINUTE_MS
    request["dateTimeRanges"] = [{"start": iso(candles[start].time), "end": iso(last)}]


def near(a, b, tolerance=TOLERANCE):
    numbers = [isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b)]
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)) if all(numbers) else a == b


def differ(ours, theirs):
    """The first difference of each part of the documents."""
    out = []
    pairs = zip(ours["trades"], theirs["trades"])
    for index, (a, b) in enumerate(pairs):
        fields = [key for key in a if not near(a[key], b.get(key))]
        if fields:
            out.append(f"trade {index} {fields}\n  reference {a}\n  engine    {b}")
            break
    counts = len(ours["trades"]), len(theirs["trades"])
    if counts[0] != counts[1] and not out:
        out.append(f"trades: reference {counts[0]}, engine {counts[1]}")
    a, b = ours["openPosition"], theirs["openPosition"]
    if (a is None) != (b is None) or a and not all(near(a[key], b[key]) for key in a):
        out.append(f"openPosition\n  reference {a}\n  engine    {b}")
    for key, value in ours["counts"].items():
        if theirs["counts"][key] != value:
            out.append(f"counts.{key}: reference {value}, engine {theirs['counts'][key]}")
    a, b = ours["equity"]["final"], theirs["equity"]["final"]
    if not near(a, b):
        out.append(f"equity: reference {a}, engine {b}")
    a, b = ours["dailyReturns"], theirs["dailyReturns"]
    if len(a) != len(b) or not all(map(near, a, b)):
        out.append(f"dailyReturns: reference {a[:4]}..., engine {b[:4]}...")
    a, b = ours.get("sensitivity"), theirs.get("sensitivity")
    if (a is None) != (b is None) or a and not alike(a, b):
        out.append(f"sensitivity\n  reference {a}\n  engine    {b}")
    return out or metrics_differ(ours, theirs)


def alike(a, b):
    """Whether objects of numbers hold the same numbers."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(alike(a[key], b[key]) for key in a)
    return near(a, b)


def metrics_differ(ours, theirs):
    out = []
    is_dust = abs(ours["equity"]["final"]) < 1e-5
    is_even = any(0 < abs(trade["pnl"]) < 1e-9 for trade in ours["trades"])
    is_broke = -1.0 in ours["dailyReturns"]
    for key, value in ours["metrics"].items():
        found = theirs["metrics"].get(key)
        # The growth of an account of nothing but rounding says nothing, nor does whether a trade
        # that made nothing but rounding was won.
        unsure = is_dust and key in OF_DUST or is_even and key in OF_WINS
        # Without liquidation an account may end below zero, where no return leads.
        unsure |= is_broke and key in OF_DEBT
        if not near(value, found, 1e-8) and not unsure:
            out.append(f"metrics.{key}: reference {value}, engine {found}")
    return out


def fragile(ours, request, candles, start, end, warmup, beside=None):
    """Whether the result hangs on the last bits of an indicator: then nobody is right."""
    Series.noise = random.Random(7)
    try:
        again = [reference(request, candles, start, end, warmup, beside) for _ in range(4)]
    finally:
        Series.noise = None
    return any(differ(ours, document) for document in again)


def check(case):
    """What became of one drawn case, its count of trades, and the differences."""
    request, candles, start, end, beside = drawn_case(*case)
    # Beside the case, so that it stays what it was: what is told as text, and the sensitivity.
    rng = random.Random(f"spoken-{case}")
    fill = request["universalConfig"].setdefault("fill", {})
    if rng.random() < 0.3:
        fill["sensitivity"] = True
    asked = spoken.spoken(rng, request) if rng.random() < 0.6 else request
    with tempfile.TemporaryDirectory() as folder:
        theirs, said = engine(asked, candles, folder, beside)
    if theirs is None:
        return "refused", 0, [said.strip()]
    warmup = theirs["warmup"]["asked"]
    ours = reference(request, candles, start, end, warmup, beside)
    out = differ(ours, theirs)
    if out and fragile(ours, request, candles, start, end, warmup, beside):
        return "fragile", 0, []
    return "different" if out else "same", len(ours["trades"]), out


def main():
    width, first, count = map(int, sys.argv[1:4])
    cases = [(seed, width) for seed in range(first, first + count)]
    kinds, trades, shown = Counter(), 0, 0
    with ProcessPoolExecutor() as pool:
        for case, (kind, closed, out) in zip(cases, pool.map(check, cases, chunksize=4)):
            kinds[kind] += 1
            trades += closed
            if kind == "different" and shown < SHOWN:
                shown += 1
                print(f"seed {case[0]}: {kind}", *out, sep="\n")
    print(dict(kinds), f"{trades} trades")
    return 0 if set(kinds) <= {"same", "fragile"} else 1


if __name__ == "__main__":
    sys.exit(main())
