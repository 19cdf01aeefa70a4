"""Drawn cases with all there is beside plain candles: peers' switches, funding, named signals, other series."""

import csv
import gzip
import re
from pathlib import Path

import drawn
from beside import Beside
from walk import Candle

HOUR_MS = 3_600_000


def finer(rng, count, minutes):
    """Finer candles for `count` of `minutes`, some of them missing."""
    part = rng.choice([2, 4])
    rows = drawn.candles(rng, count * part, minutes // part)
    return rows


def shipped(rng):
    """A stretch of a shipped series of real candles, and how long one is in minutes."""
    folder = Path(__file__).parents[2] / "examples/candles"
    file = rng.choice(sorted(folder.glob("*.csv.gz")))
    minutes = {"1m": 1, "4h": 240, "1d": 1440}[re.search(r"-(1m|4h|1d)", file.name)[1]]
    with gzip.open(file, "rt") as lines:
        rows = list(csv.reader(lines))[1:]
    if minutes == 1:
        minutes = rng.choice([5, 15, 60])
        first = rng.randrange(max(1, len(rows) - 300 * minutes))
        finer = [real(row) for row in rows[first : first + 300 * minutes]]
        whole = [c for c in finer if c.time >= -(-finer[0].time // 3_600_000) * 3_600_000]
        return merged(whole, minutes)[:-1], minutes
    first = rng.randrange(len(rows) - 500)
    return [real(row) for row in rows[first : first + 500]], minutes


def real(row):
    return Candle(int(row[0]), *(float(cell) for cell in row[1:6]))


def merged(finer, minutes):
    """Candles made of finer ones; where one is missing there may still be a candle."""
    span, out = minutes * 60_000, {}
    for c in finer:
        out.setdefault(c.time // span * span, []).append(c)
    return [
        Candle(time, part[0].open, max(c.high for c in part), min(c.low for c in part),
               part[-1].close, part[0].volume)
        for time, part in out.items()
    ]


def beside(rng, config, candles, minutes, detail, width):
    """Widens the settings of `config` and draws the series they read."""
    found = Beside()
    switches(rng, config)
    money, risk = config["moneyManagement"], config["risk"]
    for exit in money.get("exits", []):
        if rng.random() < 0.3:
            exit["thenStop"] = dict(drawn.level(rng, True), follow=rng.random() < 0.7)
        if rng.random() < 0.2:
            exit["target"]["follow"] = True
    if "trail" in money and rng.random() < 0.4:
        money["trail"]["follow"] = True
    if rng.random() < 0.25 and "pct" not in str(money.get("size")):
        money["size"] = {"kelly": rng.choice([5, 50, 100]), "start": 20}
    if detail:
        length = min(b.time - a.time for a, b in zip(detail, detail[1:]))
        config["detailTimeframe"] = f"{length // 60_000}m"
        found.detail = [c for c in detail if rng.random() > 0.02]
    else:
        funding(rng, config, candles, minutes, found)
        if rng.random() < 0.15:
            column(rng, config, candles, found)
    if found.column is None and rng.random() < 0.4:
        signals(rng, config)
    if not detail and found.column is None and rng.random() < 0.25:
        tickers(rng, config, candles, minutes, found)
    if rng.random() < 0.4 and minutes <= 240 and found.column is None:
        longer(rng, config)
    return found


def switches(rng, config):
    fill = config["fill"]
    if rng.random() < 0.3:
        fill.clear()
        fill["profile"] = rng.choice(["backtestingPy", "vectorbt", "freqtrade"])
        return
    drawn.sometimes(
        rng, 0.2, fill, gap=lambda: rng.choice(["withinCandle", "level"]),
        trailStart=lambda: "nextCandle", wrongSideLevel=lambda: "enter",
        liquidation=lambda: "leveraged", end=lambda: rng.choice(["lastOpen", "close"]),
    )


def funding(rng, config, candles, minutes, found):
    kind = rng.random()
    if kind < 0.3:
        config["costs"]["funding"] = {
            "ratePct": rng.choice([0.01, 0.5, -0.25, 3]), "everyHours": rng.choice([1, 2, 8, 24]),
        }
    elif kind < 0.6:
        config["costs"]["funding"] = "fromData"
        time, rates = candles[0].time - 8 * HOUR_MS, []
        step, marked = rng.choice([1, 4, 8]), rng.random() < 0.5
        while time < candles[-1].time + minutes * 60_000:
            # Exchanges stamp some of their payments a few milliseconds late.
            late = rng.choice([0, 0, 0, 3, 7, 60_000 * rng.randint(0, 59)])
            mark = float(rng.randint(40, 90)) if marked and rng.random() < 0.5 else None
            rates.append((time + late, rng.choice([0.0001, -0.0005, 0.01, 0.05]), mark))
            time += step * HOUR_MS
        found.rates = rates


def tickers(rng, config, candles, minutes, found):
    count = len(candles) + rng.randint(-30, 30)
    rows = drawn.candles(rng, max(20, count), minutes)
    shift = candles[0].time - rows[0].time + rng.randint(-20, 20) * minutes * 60_000
    for c in rows:
        c.time += shift
    found.others["OTHER"] = rows
    strategy = config["strategy"]
    node = drawn.number(rng)
    choices = [
        {"scope": {"of": {"crossUp": ["close", {"sma": {"of": "close", "n": 4}}]}, "ticker": "OTHER"}},
        {"scope": {"of": {"not": {"gt": ["close", {"prev": ["close", 2]}]}}, "ticker": "OTHER"}},
        {"gt": ["close", {"close": {"ticker": "OTHER"}}]},
        {"gt": [{"scope": {"of": node, "ticker": "OTHER"}}, {"prev": [{"close": {"ticker": "OTHER"}}, 1]}]},
        {"lt": [{"ema": {"of": "close", "n": 3, "ticker": "OTHER"}}, {"close": {"ticker": "OTHER"}}]},
    ]
    if minutes <= 60:
        choices.append({"rising": [{"ema": {"of": "close", "n": 3, "ticker": "OTHER", "tf": "4h"}}, 1]})
    # An exit, so that a scenario takes it and the other ticker is always read.
    side = rng.choice([*strategy["signals"], "exitLong"])
    node, own = rng.choice(choices), strategy["signals"].get(side)
    strategy["signals"][side] = {rng.choice(["any", "all"]): [own, node]} if own else node


def column(rng, config, candles, found):
    rows, value = {}, 0
    for c in candles:
        if rng.random() < 0.15:
            value = rng.choice([1, -1, 0])
        if rng.random() < 0.9:
            rows[c.time] = value
    found.column = rows
    strategy = config["strategy"]
    del strategy["signals"]


def named_signal(rng, entry=None):
    n = lambda: rng.randint(2, 9)
    entries = [
        lambda: "EmaCross", lambda: {"EmaCross": {"n": n()}},
        lambda: {"DualEmaCross": {"fast": n(), "slow": n() + 3}}, lambda: "DualEmaCross",
        lambda: {"MacdCross": {"fast": 3, "slow": 7, "signal": n()}}, lambda: "MacdCross",
        lambda: {"RsiCross": {"n": n(), "low": rng.choice([30, 45]), "high": 60}}, lambda: "RsiCross",
        lambda: {"SuperTrend": {"n": n(), "mult": rng.choice([0.5, 1, 2])}},
        lambda: {"SuperTrend": {"n": n(), "mult": 1, "ema": n(), "w": n()}},
        lambda: {"ChandelierExit": {"n": n(), "mult": rng.choice([1, 2])}},
        lambda: {"BollingerPercentB": {"n": n() + 2, "mult": rng.choice([1, 1.5])}},
        lambda: {"BollingerPercentB": {"n": n() + 2, "mult": 1, "low": 0.2, "high": 0.7}},
        lambda: {"Stc": {"cycle": n(), "fast": 3, "slow": 7}}, lambda: "Stc",
        lambda: {"RsiDivergence": {"rsi": n(), "left": rng.randint(1, 3), "right": rng.randint(1, 3), "within": 25}},
        lambda: {"RsiDivergence": {"rsi": n(), "left": 1, "right": 1, "confirm": rng.choice([40, 50])}},
    ]
    filters = [
        lambda: {"EmaTrend": {"n": n()}}, lambda: "EmaTrend",
        lambda: {"SuperTrend": {"n": n(), "mult": 1, "role": "trend"}},
        lambda: {"StochRsiTrend": {"rsi": n(), "stoch": n(), "k": rng.randint(1, 3), "d": rng.randint(1, 3), "hold": n()}},
        lambda: {"StochRsiTrend": {"rsi": 4, "stoch": 5, "low": 40, "high": 60}},
        lambda: {"StDevContext": {"n": n() + 3, "state": rng.choice(["calm", "normal", "extreme", "notExtreme"]), "extreme": 1.7}},
        lambda: "StDevContext",
    ]
    return rng.choice(entries if entry else filters if entry is False else entries + filters)()


def signals(rng, config):
    strategy = config["strategy"]
    if rng.random() < 0.4:
        parts = [named_signal(rng, True) for _ in range(rng.randint(1, 2))]
        parts += [named_signal(rng, False) for _ in range(rng.randint(0, 2))]
        rng.shuffle(parts)
        strategy["scenario"] = parts
        if rng.random() < 0.7:
            strategy["lookback"] = rng.randint(1, 8)
        for name in ("long", "short"):
            strategy["signals"].pop(name, None)
        if rng.random() < 0.5:
            strategy["signals"]["exitLong"] = named_signal(rng)
        return
    for name in list(strategy["signals"]):
        if rng.random() < 0.7:
            strategy["signals"][name] = named_signal(rng)
        elif rng.random() < 0.5:
            strategy["signals"][name] = {"any": [named_signal(rng), strategy["signals"][name]]}


def longer(rng, config):
    """Adds a condition on days, weeks or months."""
    tf = rng.choice(["1d", "1d", "1d", "1w", "1M"])
    choices = [
        {"gt": ["close", {"close": {"tf": tf}}]},
        {"gt": ["close", {"scope": {"of": {"prev": ["close", 1]}, "tf": tf}}]},
        {"scope": {"of": {"gt": ["close", "open"]}, "tf": tf}},
        {"scope": {"of": {"not": {"gt": ["close", {"sma": {"of": "close", "n": 2}}]}}, "tf": tf}},
        {"gt": [{"sma": {"of": "close", "n": 2, "tf": tf}}, {"scope": {"of": "hl2", "tf": tf}}]},
        {"ge": [{"hour": {"tz": "America/New_York"}}, 9]},
        {"eq": [{"dayOfWeek": {"tz": "Asia/Tokyo"}}, 2]},
        {"lt": [{"minuteOfSession": {"tz": "Europe/London"}}, 600]},
    ]
    strategy = config["strategy"]
    names = list(strategy["signals"])
    if not names:
        strategy["signals"]["exitLong"] = rng.choice(choices)
        return
    for name in names:
        if rng.random() < 0.6:
            node = strategy["signals"][name]
            strategy["signals"][name] = {rng.choice(["any", "all"]): [node, rng.choice(choices)]}
