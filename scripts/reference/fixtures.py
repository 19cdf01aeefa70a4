"""Writes the fixtures of crates/backfleet/tests/it/reference.rs."""

import json
import random
import shutil
from pathlib import Path

import cases
import compare
import drawn
import spoken
import wide
from strategy import Series
from walk import MINUTE_MS

FOLDER = Path(__file__).parents[2] / "crates/backfleet/tests/fixtures/reference"
# How many drawn cases are kept of each width of the settings, and of how many candles.
DRAWN = {1: 4, 2: 6, 3: 8, 4: 6, 6: 16}


def rounded(value):
    """Numbers as the engine's are compared: 12 digits are more than enough and keep files small."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.13g}") if isinstance(value, float) else value


def short(number):
    return repr(int(number) if number == int(number) else number)


def write(name, request, candles, start, warmup, minutes):
    end = candles[-1].time + minutes * MINUTE_MS
    request["dateTimeRanges"] = [{"start": compare.iso(candles[start].time), "end": compare.iso(end)}]
    expected = compare.reference(request, candles, start, len(candles), warmup)
    document = {
        "name": name,
        # The engine reads drawn ones as text, where the reference has read a tree.
        "request": spoken.spoken(random.Random(name), request) if "drawn" in name else request,
        "candles": [
            ",".join(map(short, (c.time, c.open, c.high, c.low, c.close, c.volume))) for c in candles
        ],
        "warmup": {"asked": warmup, "got": min(start, warmup)} if start >= warmup else None,
        "expected": rounded(expected),
    }
    slug = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    slug = "-".join(part for part in slug.split("-") if part)
    text = json.dumps(document, separators=(",", ":"))
    # A line for each part, so that a change shows where it is.
    for key in ("request", "candles", "warmup", "expected"):
        text = text.replace(f',"{key}":', f',\n"{key}":', 1)
    (FOLDER / f"{slug}.json").write_text(text + "\n")


def drawn_cases():
    """Drawn ones with trades whose result does not hang on the last bit of an indicator."""
    for tier, wanted in DRAWN.items():
        kept, seed = 0, 0
        while kept < wanted:
            seed += 1
            rng = random.Random(f"fixture-{tier}-{seed}")
            candles = drawn.candles(rng, 70, 60)
            request = drawn.request(rng, tier if tier < 5 else 3, "1h")
            if tier > 4:
                beside = wide.beside(rng, request["universalConfig"], candles, 60, None, tier)
                # A fixture holds one series, and has something that narrower ones have not.
                if beside.others or beside.rates or beside.column is not None:
                    continue
            found = compare.reference(request, candles, 0, len(candles), 256)
            if not 4 <= len(found["trades"]) <= 14:
                continue
            if compare.fragile(found, request, candles, 0, len(candles), 256):
                continue
            kept += 1
            request["universalConfig"]["fill"]["sensitivity"] = kept % 2 == 0
            yield f"drawn {tier} {kept}", request, candles


# Every named signal in every form, with its defaults or with arguments that let it trade.
NAMED = [
    "EmaCross", {"DualEmaCross": {"fast": 3, "slow": 8}}, "DualEmaCross", "MacdCross",
    {"EmaTrend": {"n": 30}}, {"SuperTrend": {"mult": 1}}, {"SuperTrend": {"n": 5, "mult": 1, "ema": 9}},
    {"SuperTrend": {"mult": 2, "role": "trend"}}, "RsiCross",
    {"RsiDivergence": {"left": 2, "right": 3}},
    {"RsiDivergence": {"rsi": 6, "left": 1, "right": 2, "confirm": 45}},
    {"ChandelierExit": {"mult": 1.5}}, "StochRsiTrend", {"StochRsiTrend": {"hold": 1}},
    "BollingerPercentB", {"Stc": {"cycle": 6, "fast": 5, "slow": 12}},
    {"StDevContext": {"n": 20, "state": "calm"}}, {"StDevContext": {"n": 20, "state": "normal"}},
    {"StDevContext": {"n": 12, "state": "extreme", "extreme": 2}},
]


def named_cases():
    """One case for each of them: its long side enters, and its short side with it, or leaves."""
    for signal in NAMED:
        (name, args), = (signal if isinstance(signal, dict) else {signal: {}}).items()
        seed, found = 0, {"trades": []}
        while len(found["trades"]) < 3:
            seed += 1
            rng = random.Random(f"named-{name}-{seed}")
            candles = drawn.candles(rng, 160, 60)
            config = {
                "exchange": "any", "ticker": "CASE", "timeframe": "1h", "balance": 10000,
                "strategy": {"signals": {"long": signal, "short": signal}},
                "costs": {"feePct": 0.05},
            }
            if name == "StDevContext":
                # A gate: it lets the crosses of an average through, within a few candles.
                scenario = [{"EmaCross": {"n": 5}}, signal]
                config["strategy"] = {"scenario": scenario, "lookback": 3}
            request = {"universalConfig": config}
            found = compare.reference(request, candles, 0, len(candles), 256)
            if compare.fragile(found, request, candles, 0, len(candles), 256):
                found = {"trades": []}
        told = " ".join(f"{key} {value}" for key, value in args.items())
        yield f"named {name} {told}", request, candles


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for case in cases.CASES:
        write(case["name"], case["request"], case["candles"], case["start"], case["warmup"], 60)
    for name, request, candles in [*drawn_cases(), *named_cases()]:
        write(name, request, candles, 0, 256, 60)


if __name__ == "__main__":
    main()
