"""Small cases, one rule each. Candles are written `open high low close SIGNAL`, an hour each.

The strategy reads its signals off the volume, so a case says on which close which signal stands:
L enter long, S enter short, l leave long, s leave short, B long and short at once, X long together
with its own exit, Z short together with the exit of a long. `+3h` leaves three candles out.
"""

from walk import Candle

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z, a Monday
HOUR = 3_600_000
SIGNALS = {"L": 1, "S": 2, "l": 3, "s": 4, "B": 5, "X": 6, "Z": 7}


def on(*letters):
    return {"any": [{"eq": ["volume", SIGNALS[letter]]} for letter in letters]}


STRATEGY = {
    "signals": {
        "long": on("L", "B", "X"),
        "short": on("S", "B", "Z"),
        "exitLong": on("l", "X", "Z"),
        "exitShort": on("s"),
    }
}


def candles(text):
    out, time = [], START
    for part in text.split("|"):
        words = part.split()
        if words[0].startswith("+"):
            time += int(words[0][1:-1]) * HOUR
            words = words[1:]
        signal = SIGNALS[words[4]] if len(words) > 4 else 0
        out.append(Candle(time, *(float(word) for word in words[:4]), float(signal)))
        time += HOUR
    return out


CASES = []


def case(name, text, strategy=None, start=0, warmup=256, **groups):
    """One case: costs are 0 and the size is 1 unless the case says otherwise."""
    groups.setdefault("costs", {"feePct": 0})
    money = dict(groups.pop("money", {}))
    money.setdefault("size", {"fixedQuantity": 1})
    config = {
        "exchange": "any", "ticker": "CASE", "timeframe": "1h", "balance": 1000,
        "strategy": strategy or STRATEGY, "moneyManagement": money, **groups,
    }
    rows = candles(text) if isinstance(text, str) else text
    CASES.append({
        "name": name, "request": {"universalConfig": config}, "candles": rows,
        "start": start, "warmup": warmup,
    })


# Signals.
case("a signal fills at the next open, not at its own close",
     "9 11 9 10 L | 12 15 12 14 | 13 16 13 15 l | 17 18 16 17 | 17 17 17 17")
case("a signal on the last candle is dropped and counted", "10 11 9 10 | 10 12 10 11 L")
case("a position that is open at the end is marked at the last close", "10 11 9 10 L | 10 12 10 11 | 12 12 11 11")
case("end close leaves at the last close", "10 11 9 10 L | 10 12 10 11 | 12 12 11 11", fill={"end": "close"}, costs={"feePct": 1, "slippageBps": 100})
case("a same side signal in a position is ignored", "10 10 10 10 L | 10 10 10 10 L | 11 11 11 11 L | 12 12 12 12 l | 13 13 13 13")
case("long and short at once is a conflict and no entry", "10 10 10 10 B | 10 10 10 10 L | 11 11 11 11 B | 12 12 12 12 l | 13 13 13 13")
case("an entry with its own exit is no entry", "10 10 10 10 X | 10 10 10 10 | 11 11 11 11 L | 12 12 12 12 X | 13 13 13 13 | 13 13 13 13")
case("a flip is exit and entry at one open, a fee on each notional", "10 10 10 10 L | 10 10 10 10 S | 16 16 16 16 | 12 12 12 12 s | 8 8 8 8 | 8 8 8 8", money={"size": {"percentOfBalance": 50}}, costs={"feePct": 1})
case("without flipPosition an opposite signal is ignored", "10 10 10 10 L | 10 10 10 10 S | 16 16 16 16 | 12 12 12 12 l | 8 8 8 8 S | 8 8 8 8 | 7 7 7 7", risk={"flipPosition": False})
case("an opposite signal with the exit is a flip", "10 10 10 10 L | 10 10 10 10 Z | 16 16 16 16 | 12 12 12 12 s | 8 8 8 8", risk={"flipPosition": True})
case("flipOnlyInProfit counts both fees at the signal close",
     "10 10 10 10 L | 10 10.25 10 10.125 S | 10.25 10.25 10.25 10.25 S | 11 11 11 11 | 12 12 12 12 s | 12 12 12 12",
     risk={"flipOnlyInProfit": True}, costs={"feePct": 1})
case("direction long never sells short", "10 10 10 10 S | 10 10 10 10 L | 11 11 11 11 S | 12 12 12 12 l | 13 13 13 13 S | 14 14 14 14", risk={"direction": "long"})
case("the close of the exit candle may signal an entry", "10 10 10 10 L | 10 12 8 11 S | 12 12 11 11 | 11 11 10 10", money={"stopLossPct": 12.5})
case("the first signal is the close of the first candle of the range", "10 10 10 10 L | 11 11 11 11 L | 12 12 12 12 | 13 13 13 13 l | 14 14 14 14", start=1)

# Stop and target inside the candle and at its open.
BOTH = "64 64 64 64 L | 64 64.75 63.5 64 | 64 66 62 64 | 64 64 64 64"
LEVELS = {"stopLossPct": 1.5625, "takeProfitPct": 1.5625}
case("stop and target in one candle: the stop", BOTH, money=LEVELS)
case("targetFirst: the target", BOTH, money=LEVELS, fill={"bothTouched": "targetFirst"})
PATH = "64 64 64 64 L | 64 64 64 64 | 64 66 61 64 L | 64 64 64 64 | 64 68 62 64 | 64 64 64 64"
case("path: the nearer extreme first", PATH, money={"stopLossPct": 3.125, "takeProfitPct": 3.125}, fill={"bothTouched": "path"})
case("equal counts as touched", "64 64 64 64 L | 64 64.5 63.5 64 | 64 65 63.5 64 S | 64 64 64 64 | 64 65 64 64", money=LEVELS)
case("a price just short of the level is no touch", "64 64 64 64 L | 64 64.984375 63.015625 64 | 64 64.984375 63.015625 64", money=LEVELS)
case("a gap beyond the stop fills at the open", "64 64 64 64 L | 64 64 64 64 | 60 66 60 65 | 65 65 65 65", money=LEVELS, costs={"makerFeePct": 0, "takerFeePct": 1, "slippageBps": 100})
case("a gap beyond the target fills at the open, exact, with the maker fee", "64 64 64 64 L | 64 64 64 64 | 68 69 60 65 | 65 65 65 65", money=LEVELS, costs={"makerFeePct": 0.5, "takerFeePct": 1, "slippageBps": 100})
case("gap level fills at the level both ways", "64 64 64 64 L | 64 64 64 64 | 60 66 60 65 L | 64 64 64 64 | 68 69 64 65 | 65 65 65 65", money=LEVELS, fill={"gap": "level"})
case("stopAtLevel: the stop of a candle that opens beyond the target", "64 64 64 64 L | 64 64 64 64 | 68 69 60 65 L | 64 64 64 64 | 68 69 64 65 | 65 65 65 65", money=LEVELS, fill={"openBeyondTarget": "stopAtLevel"})
case("the entry candle itself hits the stop", "64 64 64 64 L | 64 64 62 64 | 64 64 64 64", money=LEVELS)
case("stopOnEntryCandle off: not on the entry candle", "64 64 64 64 L | 64 66 62 64 | 64 64 64 64 | 64 65 64 64 | 64 64 64 64", money=LEVELS, fill={"stopOnEntryCandle": False})
case("a flip due at the open comes before the old stop", "64 64 64 64 L | 64 64 64 64 S | 63.5 64 60 61 | 61 61 61 61 s | 60 60 60 60 | 60 60 60 60", money=LEVELS)
case("flipVsStop stopFirst: the stop, and the flip is lost", "64 64 64 64 L | 64 64 64 64 S | 63.5 64 60 61 | 61 61 61 61 | 60 60 60 60", money=LEVELS, fill={"flipVsStop": "stopFirst"})
case("after a gap exit the due flip still enters", "64 64 64 64 L | 64 64 64 64 S | 60 60.5 60 60 | 59 59 59 59 s | 58 58 58 58 | 58 58 58 58", money=LEVELS)
case("signalClose: levels count from the close of the signal", "63 64 63 64 L | 64.5 64.75 63.5 64 | 64 64 63 63.5 L | 66 66 62.5 66 | 66 66 66 66", money=LEVELS, fill={"levelBase": "signalClose"})
case("an open beyond the stop after slippage is the fill", "64 64 64 64 L | 64 64 63 64 | 64 64 64 64", money={"stopLossPct": 0.78125}, costs={"feePct": 0, "slippageBps": 100})

# Trailing stop and levels from expressions.
case("the trail uses the extremes before this candle", "64 64 64 64 L | 64 68 64 66 | 66 68 65.875 67 | 67 68 64 65 | 65 65 65 65", money={"trailingStopPct": 3.125})
case("the trail is armed by a favourable move", "64 64 64 64 L | 64 65.75 60 64 | 64 66 60 64 | 65 65 63 64 | 64 64 64 64", money={"trailingStopPct": 3.125, "trailingActivationPct": 3.125})
case("the tighter of stop and trail",
     "64 64 64 64 L | 64 64 63.5 63.5 | 63.5 66 63.25 66 | 66 66 63.5 64 S | 64 64.5 64 64.5 | 64 65.25 63 63 | 63 63 63 63",
     money={"stopLossPct": 1.5625, "trailingStopPct": 3.125})
case("trailingBase close: the trail follows the close", "64 64 64 64 L | 64 70 64 66 | 66 68 64 64.5 | 64 64 63 63.5 | 63 63 63 63", money={"trailingStopPct": 3.125}, fill={"trailingBase": "close"})
RANGE = {"-": ["high", "low"]}
case("a distance is sampled on the signal candle", "64 66 64 64 L | 64 65 63 64 | 64 64 58 60 | 60 60 60 60", money={"stop": {"distance": RANGE}, "target": {"distance": {"*": [RANGE, 2]}}})
case("a level that follows ratchets at the close", "64 64 62 64 L | 64 66 63 66 | 66 67 63.5 65 | 65 66 64 65 | 65 65 63.5 64 | 64 64 62.5 63 | 63 63 63 63", money={"stop": {"level": "low", "follow": True}})
case("a level on the wrong side of the fill is no entry", "64 64 62 64 L | 61 62 60 61 | 61 61 61 61 L | 63 64 62 63 | 63 63 63 63", money={"stop": {"level": "low"}})

case("the distance of a trail is that of the signal candle",
     "50 52 48 50 L | 64 64 64 64 | 64 70 63 69 | 69 69 66.5 67 | 67 67 65 66 | 66 66 66 66", money={"trail": {"distance": RANGE}})
case("the distance of a trail that follows is that of each close",
     "50 52 48 50 L | 64 64 64 64 | 64 70 63 69 | 69 69 66.5 67 | 67 67 65 66 | 66 66 66 66", money={"trail": {"distance": RANGE, "follow": True}})

# Partial exits.
PARTS = {"exits": [{"target": {"pct": 1.5625}, "closePct": 50, "thenStop": "entry"}, {"target": {"pct": 3.125}, "closePct": 25}], "stopLossPct": 3.125, "size": {"fixedQuantity": 4}}
case("partial exits, then the stop is the entry", "64 64 64 64 L | 64 65.5 64 65 | 65 65 64.5 64.5 | 64.5 65 63.5 64 | 64 64 64 64", money=PARTS)
case("two partial exits in one candle, the rest stays", "64 64 64 64 L | 64 66 64 65 | 65 66 64.5 65 l | 65 65 65 65 | 65 65 65 65", money=PARTS, costs={"makerFeePct": 0.1, "takerFeePct": 1})
case("a gap beyond partial targets fills them at the open", "64 64 64 64 L | 64 64 64 64 | 68 69 66 68 | 68 68 63 63 | 63 63 63 63", money=PARTS)
case("parts are rounded down to the lot", "64 64 64 64 L | 64 65.5 64 65 | 65 66.5 64.5 66 l | 66 66 66 66 | 66 66 66 66", money=dict(PARTS, size={"fixedQuantity": 3.7}), instrument={"lotStep": 0.5})
case("a stop moved out of reach after the target is not hit in that candle",
     "64 64 64 64 L | 64 65 62 64 | 64 64 61 62 | 62 62 60 60 | 60 60 60 60",
     money={"stopLossPct": 1.5625, "size": {"fixedQuantity": 4}, "exits": [{"target": {"pct": 1.5625}, "closePct": 50, "thenStop": {"pct": 6.25}}]}, fill={"bothTouched": "targetFirst"})

# Money, leverage, instrument.
case("percentOfBalance pays the fee out of the share", "10 10 10 10 L | 10 10 10 10 l | 11 11 11 11 | 11 11 11 11", money={"size": {"percentOfBalance": 100}, "leverage": 5}, costs={"feePct": 1})
case("riskPct risks a share of equity to the stop, capped", "64 64 64 64 L | 64 64 64 64 | 63 63 62 62 | 62 62 62 62 S | 64 64 64 64 | 64 64.5 64 64.5", money={"size": {"riskPct": 1}, "stopLossPct": 3.125}, costs={"feePct": 0})
case("liquidation loses the whole margin, also on a gap", "100 100 100 100 L | 100 100 95 95 | 85 86 84 85 S | 80 80 80 80 | 80 95 80 90 | 90 90 90 90", money={"size": {"fixedQuantity": 2}, "leverage": 10, "maintenanceMarginPct": 1}, costs={"feePct": 0.1})
case("the stop comes before the liquidation when it is nearer", "100 100 100 100 L | 100 101 85 95 | 95 95 95 95", money={"leverage": 10, "stopLossPct": 6.25})
case("the liquidation comes before the stop when it is nearer", "100 100 100 100 L | 100 101 85 95 | 95 95 95 95", money={"leverage": 10, "stopLossPct": 12.5})
case("a short without leverage is liquidated when the price doubles", "10 10 10 10 S | 10 11 10 11 | 15 21 15 20 | 20 20 20 20")
case("the entry candle can liquidate when its stop does not work yet", "100 100 100 100 L | 100 101 85 95 | 95 95 95 95 | 90 90 80 80", money={"leverage": 10, "stopLossPct": 6.25}, fill={"stopOnEntryCandle": False})
case("an account that lost all is ruined", "100 100 100 100 L | 100 101 85 95 L | 95 95 95 95 L | 95 95 95 95 | 95 95 95 95", money={"size": {"percentOfBalance": 100}, "leverage": 10}, costs={"feePct": 0})
case("prices round against the trader and quantity down", "10.1 10.4 10.1 10.3 L | 10.3 10.4 10.3 10.3 l | 10.7 10.8 10.6 10.7 S | 10.7 10.8 10.6 10.7 s | 10.2 10.2 10.2 10.2 | 10 10 10 10", money={"size": {"fixedQuote": 100}}, instrument={"tickSize": 0.25, "lotStep": 0.5}, costs={"feePct": 0.1, "spreadBps": 10})
case("below the minimum there is no entry, by reason",
     "10 10 10 10 L | 10 10 10 10 l | 10 10 10 10 | 200 200 200 200 L | 200 200 200 200 L | 15 15 15 15 | 15 15 15 15",
     money={"size": {"fixedQuote": 20}}, instrument={"lotStep": 0.5, "minQuantity": 1, "minNotional": 18})
case("a quantity just below a lot is rounded down", "64 64 64 64 L | 52.5 53 52 52 l | 52 52 52 52 | 52 52 52 52", money={"size": {"fixedQuantity": 183.33699997620238}}, instrument={"lotStep": 0.001}, balance=100_000)
case("lot and least quantity count contracts", "10 10 10 10 L | 10 10 10 10 l | 12 12 12 12 L | 14 14 14 14 | 14 14 14 14", money={"size": {"fixedQuote": 25.5}}, instrument={"lotStep": 1, "minQuantity": 4, "contractMultiplier": 0.5})
case("market fills are worse by slippage and half the spread, targets exact", "64 64 64 64 L | 64 66 64 65 S | 65 65 65 65 | 66 66 66 66 s | 64 64 64 64 | 64 64 64 64", money={"takeProfitPct": 3.125}, costs={"makerFeePct": 0.1, "takerFeePct": 0.2, "slippageBps": 10, "spreadBps": 20})

case("kelly's cap does not cap its start", "10 10 10 10 L | 10 10 10 10 l | 11 11 11 11 | 11 11 11 11", money={"size": {"kelly": 5, "start": 20}})
case("a constant rate of funding is paid by who held before it",
     "64 64 64 64 L | 64 64 64 64 | 66 66 65 65 | 65 65 65 65 | 64 64 64 64 S | 62 62 62 62 | 63 63 63 63 s | 60 60 60 60 | 60 60 60 60", costs={"feePct": 0, "funding": {"ratePct": 1, "everyHours": 2}})

# Time, cooldown, streaks.
case("maxPositionMinutes is clock time across missing candles", "10 10 10 10 L | 10 10 10 10 | +3h 11 11 11 11 | 12 12 12 12 L | 13 13 13 13 | 14 14 14 14 | 15 15 15 15 | 16 16 16 16", risk={"maxPositionMinutes": 120})
case("cooldown blocks the opens of the candles after an exit, not flips", "64 64 64 64 L | 64 64 62 64 L | 64 64 64 64 L | 64 64 64 64 L | 64 64 64 64 S | 65 65 65 65 L | 65 65 65 65 | 65 65 65 65", money=LEVELS, risk={"cooldownCandles": 2})
LOSSES = "64 64 64 64 L | 64 64 62 64 L | 64 64 62 64 L | 64 64 64 64 L | 64 64 62 64 L | 64 64 64 64 L | 64 64 62 64 L | 64 64 62 64 L | 64 66 64 65 L | 64 64 62 64 L"
case("a loss streak pauses for candles", LOSSES + " | 64 64 64 64", money=LEVELS, risk={"lossStreak": {"max": 2, "pause": "candles", "candles": 2}})
case("a loss streak pauses to the end of the day", LOSSES + " | +14h 64 64 64 64 L | 64 64 62 64 | 64 64 64 64", money=LEVELS, risk={"lossStreak": {"max": 2, "pause": "day"}})
case("a loss streak pauses for ever", LOSSES, money=LEVELS, risk={"lossStreak": {"max": 2, "pause": "forever"}})
case("closeEarlyWhenProfitable waits for the minutes and for a net profit", "10 10 10 10 L | 10 11 10 11 | 11 11 9 9 | 9 10.25 9 10.125 | 10.125 11 10 11 | 11.5 11.5 11.5 11.5 | 12 12 12 12", risk={"closeEarlyWhenProfitable": {"afterMinutes": 120}}, costs={"feePct": 1})

# Pending entries.
case("a limit buy fills at the limit, or at a better open", "64 64 62 64 L | 64 64 63 63 | 63 63 61 62 | 62 62 62 62 l | 63 63 63 63 L | 60 61 60 61 | 61 61 61 61", risk={"entryOrder": {"limit": "low"}}, costs={"makerFeePct": 0.1, "takerFeePct": 1, "slippageBps": 10})
case("a stop sale fills at the stop, or at a worse open", "64 64 62 64 S | 64 64 63 63 | 63 63 61 62 | 62 62 62 62 s | 61 63 61 63 S | 60 61 60 61 | 61 61 61 61", risk={"entryOrder": {"stop": "low"}}, costs={"makerFeePct": 0.1, "takerFeePct": 1, "slippageBps": 10})
case("a pending entry expires or is withdrawn, and is counted", "64 64 62 64 L | 64 64 63 63 | 63 63 62.5 63 | 63 63 61 62 S | 62 63 61 63 L | 63 64 62.5 63 | 63 64 62.5 63.5 | 63 63 60 60", risk={"entryOrder": {"limit": "low", "expireCandles": 2, "cancelIf": {"gt": ["close", 63]}}})
case("the fill candle of a pending entry checks the stop, not the target", "64 64 62 64 L | 64 66 62 65 | 65 65 63 63.5 L | 63.5 66 60 62 | 62 62 62 62", money={"stopLossPct": 3.125, "takeProfitPct": 3.125}, risk={"entryOrder": {"limit": "low"}})

# Position state.
STATE = {"signals": {"long": on("L"), "short": on("S"), "exitLong": {"any": [{"ge": ["barsInTrade", 3]}, {"all": [{"lt": ["openPnlPct", 0]}, {"gt": ["maxFavourablePct", 3]}]}]}, "exitShort": {"any": [{"ge": ["openR", 0.5]}, {"ge": ["minutesInTrade", 240]}]}}}
case("exits by the state of the position", "64 64 64 64 L | 64 64 64 64 | 64 65 64 64 | 64 64 63.5 64 | 64 64 63.5 63.5 | 64 64 64 64 L | 64 66.5 63.5 63.5 | 63 63 63 63 S | 64 64 63 63 | 63 63 62 62.5 | 62 62 62 62 S | 62 62 62 62 | 62 62 62 62 | 62 62 62 62 | 62 62 62 62 | 62 62 62 62", strategy=STATE, money={"stopLossPct": 3.125})
AGAIN = {
    "signals": {
        "long": {"all": [on("L"), {"not": {"eq": ["lastExitReason", "stop_loss"]}}]},
        "short": {"any": [on("S"), {"all": [on("Z"), {"gt": ["barsSinceExit", 1]}]}]},
        "exitLong": on("l"),
        "exitShort": on("s"),
    }
}
case("entries by the last exit, null before the first one",
     "64 64 64 64 L | 64 64 64 64 Z | 64 64 64 64 S | 64 64 64 64 s | 64 64 64 64 Z | 64 64 64 64 L | 64 64 61 64 L | 64 64 64 64 Z | 63 63 63 63 | 62 62 62 62",
     strategy=AGAIN, money={"stopLossPct": 3.125})

# Calendars and days.
case("24x5: candles of the weekend belong to Monday", "+90h 64 64 64 64 L | 64 64 64 64 | 64 65 64 65 | +60h 66 66 66 66 | 67 67 67 67 | +24h 68 68 68 68", calendar="24x5")
case("session: only days with a candle, cut in the zone", "+3h 64 64 64 64 L | 64 64 64 64 | 66 66 66 66 | +20h 67 67 67 67 | +2h 68 68 68 68 | +49h 70 70 70 70", calendar="session:America/New_York", riskFreePct=5)

# Warm-up: every node is seeded W candles before the range.
SINCE = {"signals": {"long": {"eq": [{"barsSince": {"eq": ["volume", 9]}}, 320]}, "short": {"eq": [{"barsSince": {"eq": ["volume", 8]}}, 250]}, "exitShort": {"gt": [{"barsSince": {"eq": ["volume", 8]}}, 252]}}}


def seeded():
    """An event of 320 candles ago is out of sight, one of 250 candles ago is not."""
    out = candles(" | ".join(["64 64 64 64"] * 345))
    out[10].volume, out[80].volume = 9.0, 8.0
    return out


case("nodes are seeded W candles before the range", seeded(), strategy=SINCE, start=325)
