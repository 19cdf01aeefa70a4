"""Seeded random cases: candles on a coarse grid, strategies and settings over the whole space."""

import random

from walk import Candle

START = 1_700_006_400_000 // 86_400_000 * 86_400_000
EXACT = [0.78125, 1.5625, 3.125, 6.25, 12.5]


def candles(rng, count, minutes):
    """A walk on a grid, so that prices touch levels exactly; with gaps, holes and flat candles."""
    grid = rng.choice([1.0, 0.5, 0.25, 0.0625])
    wild = rng.choice([1, 2, 3, 6])
    price, time, out = 64.0, START, []
    holes = rng.random() < 0.5
    for _ in range(count):
        step = lambda width: grid * rng.randint(-width, width)
        if rng.random() < 0.1:
            price = max(8 * grid, price + step(3 * wild))
        if price < 8: price = 32.0
        if price > 512: price = 128.0
        o = price
        if rng.random() < 0.08:
            c = h = l = o
        else:
            c = max(4 * grid, o + step(wild))
            h = max(o, c) + grid * rng.randint(0, wild)
            l = max(2 * grid, min(o, c) - grid * rng.randint(0, wild))
            l = min(l, o, c)
        out.append(Candle(time, o, h, l, c, float(rng.randint(0, 9))))
        price = c if rng.random() < 0.8 else max(4 * grid, c + step(wild))
        time += minutes * 60_000 * (rng.randint(2, 40) if holes and rng.random() < 0.03 else 1)
    return out


def number(rng, depth=0):
    n = rng.randint(2, 9)
    simple = [
        lambda: rng.choice(["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]),
        lambda: {rng.choice(["sma", "ema", "rma", "wma", "highest", "lowest"]): {"of": "close", "n": n}},
        lambda: {"prev": ["close", rng.randint(1, 3)]},
        lambda: rng.choice(["don.upper", "don.lower", "don.middle", "boll.upper", "boll.lower", "boll.middle"]),
        lambda: "st.line",
        lambda: {"+": ["low", {"*": [rng.choice([0.5, 1, 2]), {"atr": {"n": n}}]}]},
        lambda: {"-": ["high", {"*": [rng.choice([0.5, 1, 2]), {"atr": {"n": n}}]}]},
        lambda: {"sma": {"of": {"ema": {"of": "close", "n": n}}, "n": 3}},
        lambda: {"sma": {"of": "close", "n": 3, "tf": "4h"}},
    ]
    return rng.choice(simple)()


def condition(rng, depth=0, exits=False, entries=False):
    n = rng.randint(2, 6)
    leaves = [
        lambda: {rng.choice(["crossUp", "crossDown"]): [number(rng), number(rng)]},
        lambda: {rng.choice(["lt", "le", "gt", "ge"]): [number(rng), number(rng)]},
        lambda: {rng.choice(["lt", "gt"]): [{"rsi": {"of": "close", "n": n}}, rng.choice([30, 40, 50, 60, 70])]},
        lambda: {rng.choice(["lt", "gt"]): ["m.histogram", 0]},
        lambda: {"eq": ["st.direction", rng.choice([1, -1])]},
        lambda: {rng.choice(["rising", "falling"]): ["close", rng.randint(1, 3)]},
        lambda: {rng.choice(["lt", "gt"]): ["boll.percentB", rng.choice([0.03, 0.47, 0.97])]},
        lambda: {"gt": [{"abs": {"zscore": {"of": "close", "n": n + 2}}}, 1.07]},
        lambda: {"eq": [{"/": [{"-": ["close", "open"]}, {"-": ["high", "low"]}]}, rng.choice([0, 1, -1])]},
        lambda: {"lt": [{"barsSince": {"gt": ["close", "open"]}}, 2]},
        lambda: {"ge": [{"countTrue": [{"gt": ["close", "open"]}, 4]}, 3]},
        lambda: {"gt": ["close", {"valueWhen": [{"eq": ["high", {"highest": {"of": "high", "n": n}}]}, "close"]}]},
        lambda: {"gt": [{"percentRank": ["close", 5]}, 60]},
        lambda: {"eq": ["minute", 0]},
        lambda: {rng.choice(["gt", "lt"]): ["close", "st4.line"]},
    ]
    if exits and rng.random() < 0.4:
        return {rng.choice(["ge", "gt", "le"]): [
            *rng.choice([("barsInTrade", rng.randint(0, 5)), ("minutesInTrade", rng.choice([60, 300])),
                         ("openPnlPct", rng.choice([-1.5625, 0, 1.5625])), ("openR", rng.choice([-0.5, 0, 1])),
                         ("maxFavourablePct", rng.choice([0, 1.5625, 3.125]))])]}
    if entries and rng.random() < 0.25:
        if rng.random() < 0.5:
            return {rng.choice(["eq", "ne"]): ["lastExitReason", rng.choice(["stop_loss", "take_profit", "signal", "flip"])]}
        return {rng.choice(["gt", "le"]): ["barsSinceExit", rng.randint(0, 5)]}
    if depth < 2 and rng.random() < 0.35:
        kind = rng.random()
        if kind < 0.3:
            return {"not": condition(rng, depth + 1, exits, entries)}
        if kind < 0.8:
            return {rng.choice(["all", "any"]): [condition(rng, depth + 1, exits, entries) for _ in range(2)]}
        return {rng.choice(["within", "held"]): [condition(rng, depth + 1), rng.randint(1, 3)]}
    return rng.choice(leaves)()


def rich_number(rng):
    n = rng.randint(2, 6)
    simple = [
        lambda: {"/": [{"-": ["close", "open"]}, {"-": ["high", "low"]}]},
        lambda: {rng.choice(["sma", "highest", "lowest", "stdev"]): {"of": {"/": [{"-": ["close", "low"]}, {"-": ["high", "low"]}]}, "n": n}},
        lambda: {rng.choice(["ema", "rma"]): {"of": {"/": ["close", {"-": ["high", "low"]}]}, "n": n}},
        lambda: {rng.choice(["mom", "roc"]): {"of": "close", "n": n}},
        lambda: {"sum": [{"if": [{"gt": ["close", "open"]}, 1, -1]}, n]},
        lambda: {"-": [{"max": ["close", "open"]}, {"min": ["close", "open", {"prev": ["low", 1]}]}]},
        lambda: {"if": [{"gt": [{"/": ["close", {"-": ["high", "low"]}]}, 9]}, "close", {"prev": ["open"]}]},
        lambda: {"valueWhen": [{"gt": [{"sma": {"of": "close", "n": n}}, {"prev": [{"sma": {"of": "close", "n": n}}, 1]}]}, {"/": [1, {"-": ["close", "open"]}]}]},
        lambda: {"barsSince": {"crossUp": ["close", {"sma": {"of": "close", "n": n}}]}},
        lambda: {"countTrue": [{"gt": ["close", {"ema": {"of": "close", "n": n + 3}}]}, n]},
        lambda: {"rsi": {"of": {"ema": {"of": "hl2", "n": n}}, "n": n, "tf": rng.choice(["4h", "1d"])}},
        lambda: rng.choice(["hour", "dayOfWeek", "minuteOfSession", "volume"]),
    ]
    return rng.choice(simple)()


def rich_condition(rng, depth=0):
    kind = rng.random()
    if depth < 3 and kind < 0.35:
        name = rng.choice(["not", "all", "any", "within", "held"])
        inner = rich_condition(rng, depth + 1)
        if name == "not":
            return {"not": inner}
        if name in ("all", "any"):
            return {name: [inner, rich_condition(rng, depth + 1)]}
        return {name: [inner, rng.randint(1, 4)]}
    if kind < 0.5:
        return {rng.choice(["rising", "falling"]): [rich_number(rng), rng.randint(1, 3)]}
    if kind < 0.7:
        return {rng.choice(["crossUp", "crossDown"]): [rich_number(rng), rich_number(rng)]}
    if kind < 0.95:
        return {rng.choice(["lt", "le", "gt", "ge", "eq", "ne"]): [rich_number(rng), rng.choice([0, 1, 0.51, 2, rich_number(rng)])]}
    return rng.choice([True, False])


def sometimes(rng, share, group, **fields):
    for name, make in fields.items():
        if rng.random() < share:
            group[name] = make()


def distance(rng):
    return {"*": [rng.choice([0.5, 1, 1.5, 2, 3]), {"atr": {"n": rng.randint(2, 8)}}]}


def level(rng, stop, side_hint=True):
    kind = rng.random()
    if kind < 0.5:
        form = {"pct": rng.choice(EXACT + [1, 2, 5])}
    elif kind < 0.85:
        form = {"distance": distance(rng)}
    else:
        form = {"level": rng.choice(["don.lower", "don.upper", "boll.lower", "boll.upper", "st.line", "low", "high"])}
    if rng.random() < 0.3:
        form["follow"] = True
    return form


def settings(rng, tier):
    money, risk, costs, fill, instrument = {}, {}, {}, {}, {}
    pct = lambda: rng.choice(EXACT + [1, 2])
    sometimes(rng, 0.6, money, stopLossPct=pct, takeProfitPct=pct)
    sometimes(rng, 0.5, money, size=lambda: rng.choice([
        {"percentOfBalance": rng.choice([10, 50, 100])}, {"fixedQuote": rng.choice([100, 2000])},
        {"fixedQuantity": rng.choice([0.5, 3])}]))
    sometimes(rng, 0.25, risk, flipPosition=lambda: False, flipOnlyInProfit=lambda: True,
              cooldownCandles=lambda: rng.randint(1, 5), maxPositionMinutes=lambda: rng.choice([60, 61, 300, 720]),
              direction=lambda: rng.choice(["long", "short"]))
    if rng.random() < 0.5:
        costs["feePct"] = rng.choice([0, 0.05, 1])
    elif rng.random() < 0.5:
        costs.update(makerFeePct=rng.choice([0, 0.02]), takerFeePct=0.3)
    sometimes(rng, 0.25, costs, slippageBps=lambda: rng.choice([1, 20]), spreadBps=lambda: rng.choice([1, 40]))
    sometimes(rng, 0.25, fill, bothTouched=lambda: rng.choice(["targetFirst", "path"]),
              openBeyondTarget=lambda: "stopAtLevel", flipVsStop=lambda: "stopFirst", gap=lambda: "level",
              stopOnEntryCandle=lambda: False, levelBase=lambda: "signalClose", end=lambda: "close",
              trailingBase=lambda: "close")
    if rng.random() < 0.2:
        sometimes(rng, 0.5, instrument, tickSize=lambda: rng.choice([0.01, 0.5]), lotStep=lambda: rng.choice([0.001, 0.1, 1]),
                  minQuantity=lambda: rng.choice([0.2, 2]), minNotional=lambda: rng.choice([10, 500]))
    if tier >= 2:
        kind = rng.random()
        sometimes(rng, 0.4, money, leverage=lambda: rng.choice([2, 5, 10, 25]))
        if "stopLossPct" in money and rng.random() < 0.3:
            money["size"] = {"riskPct": rng.choice([0.5, 2, 10])}
        if rng.random() < 0.3:
            money["trailingStopPct"] = pct()
            sometimes(rng, 0.5, money, trailingActivationPct=pct)
        if rng.random() < 0.15 and not rng.random() < 0.5:
            money["size"] = {"kelly": 50, "start": 20}
        sometimes(rng, 0.3, risk, lossStreak=lambda: rng.choice([
            {"max": rng.randint(1, 3), "pause": "day"}, {"max": rng.randint(1, 3), "pause": "candles", "candles": rng.randint(1, 30)},
            {"max": 6, "pause": "forever"}]),
            closeEarlyWhenProfitable=lambda: {"afterMinutes": rng.choice([0, 60, 200])})
    if tier >= 3:
        if rng.random() < 0.5:
            money.pop("stopLossPct", None); money["stop"] = level(rng, True)
        if rng.random() < 0.5:
            money.pop("takeProfitPct", None); money["target"] = level(rng, False)
        if "trailingStopPct" not in money and rng.random() < 0.2:
            money["trail"] = {"distance": distance(rng)}
            sometimes(rng, 0.4, money["trail"], activationPct=pct)
        if "stop" not in money and "stopLossPct" not in money and "riskPct" in money.get("size", {}):
            money.pop("size")
        if rng.random() < 0.3:
            exits = []
            for _ in range(rng.randint(1, 3)):
                exit = {"target": {"pct": pct()}, "closePct": rng.choice([25, 30])}
                if rng.random() < 0.2:
                    exit["target"] = {"distance": distance(rng)}
                if rng.random() < 0.5:
                    exit["thenStop"] = rng.choice(["entry", {"pct": pct()}, {"pct": 0.78125}])
                exits.append(exit)
            money["exits"] = exits
        if rng.random() < 0.25:
            order = {}
            kind = rng.choice(["limit", "stop"])
            order[kind] = rng.choice(["close", "low", "high", "hl2", {"sma": {"of": "close", "n": 3}}, "don.middle", "open"])
            sometimes(rng, 0.6, order, expireCandles=lambda: rng.randint(1, 4), cancelIf=lambda: condition(rng, 2))
            risk["entryOrder"] = order
    return money, risk, costs, fill, instrument


def request(rng, tier, timeframe):
    money, risk, costs, fill, instrument = settings(rng, min(tier, 3))
    state = tier >= 3 and rng.random() < 0.4
    signals = {"long": condition(rng, entries=state)}
    if rng.random() < 0.75:
        signals["short"] = condition(rng, entries=state)
    for side in ("exitLong", "exitShort"):
        if rng.random() < 0.4:
            signals[side] = condition(rng, exits=state)
    if tier >= 4:
        for name in list(signals):
            if rng.random() < 0.8:
                signals[name] = rich_condition(rng)
        if rng.random() < 0.3:
            instrument = {"tickSize": rng.choice([0, 0.01, 0.25]), "lotStep": rng.choice([0.01, 0.1, 1]), "minQuantity": rng.choice([0, 0.5]), "minNotional": rng.choice([0, 20]), "contractMultiplier": rng.choice([1, 0.25, 2])}
    config = {
        "exchange": "any", "ticker": "GRID", "timeframe": timeframe, "balance": 10000,
        "calendar": rng.choice(["24x7", "24x7", "24x5", "session"]),
        "strategy": {
            "indicators": {
                "don": {"donchian": {"n": rng.randint(2, 8)}},
                "boll": {"bollinger": {"of": "close", "n": rng.randint(3, 10), "mult": 2}},
                "st": {"supertrend": {"n": rng.randint(2, 8), "mult": rng.choice([1, 1.5, 3])}},
                "st4": {"supertrend": {"n": 3, "mult": 1, "tf": "4h"}},
                "m": {"macd": {"of": "close", "fast": 3, "slow": 6, "signal": 3}},
            },
            "signals": signals,
        },
        "moneyManagement": money, "risk": risk, "costs": costs, "fill": fill,
    }
    if instrument:
        config["instrument"] = instrument
    if tier >= 4:
        sometimes(rng, 0.2, config, riskFreePct=lambda: rng.choice([3, 10]), periodsPerYear=lambda: 300)
        config["calendar"] = rng.choice(["24x7", "24x5", "session", "session:America/New_York"])
    return {"universalConfig": config}
