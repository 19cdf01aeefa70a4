"""The named signals of ENGINE section 6, from their rules: on which rows each side holds."""

import indicators

ENTRIES = {
    "EmaCross", "DualEmaCross", "MacdCross", "RsiCross", "RsiDivergence", "ChandelierExit",
    "BollingerPercentB", "Stc",
}
NAMES = ENTRIES | {"EmaTrend", "SuperTrend", "StochRsiTrend", "StDevContext"}


def is_entry(name, args):
    return name in ENTRIES or name == "SuperTrend" and args.get("role", "entry") == "entry"


def crosses(a, b, side):
    """Rows on which a crosses b upwards (side 1) or downwards (-1)."""
    out = [False] * len(a)
    for t in range(1, len(a)):
        four = (a[t - 1], b[t - 1], a[t], b[t])
        out[t] = None not in four and side * (four[0] - four[1]) <= 0 < side * (four[2] - four[3])
    return out


def beyond(a, b, side):
    """Rows on which a is above b (side 1) or below it (-1)."""
    return [None not in (x, y) and side * (x - y) > 0 for x, y in zip(a, b)]


def lately(column, n):
    """Rows on which it held now or on one of the n - 1 rows before."""
    return [any(column[max(0, t + 1 - n) : t + 1]) for t in range(len(column))]


def both(*columns):
    return [all(row) for row in zip(*columns)]


def holds(candles, name, args, side, blurred):
    """On which rows of `candles` the signal holds for longs (side 1) or shorts (-1).

    `blurred` puts the noise of tests on what an indicator gives.
    """
    of = lambda indicator, *given: blurred(getattr(indicators, indicator)(*given))
    rows = len(candles)
    close = [c.close for c in candles]
    level = lambda x: [x] * rows
    get = args.get
    if name == "EmaCross":
        return crosses(close, of("ema", close, get("n", 20)), side)
    if name == "EmaTrend":
        return beyond(close, of("ema", close, get("n", 200)), side)
    if name == "DualEmaCross":
        fast, slow = (of("ema", close, n) for n in (get("fast", 12), get("slow", 26)))
        return crosses(fast, slow, side)
    if name == "MacdCross":
        macd = of("macd", close, get("fast", 12), get("slow", 26), get("signal", 9))
        return crosses(macd["line"], macd["signal"], side)
    if name == "RsiCross":
        rsi = of("rsi", close, get("n", 14))
        return crosses(rsi, level(get("low", 30) if side > 0 else get("high", 70)), side)
    if name == "BollingerPercentB":
        percent = of("bollinger", close, get("n", 20), get("mult", 2))["percentB"]
        return crosses(percent, level(get("low", 0) if side > 0 else get("high", 1)), side)
    if name == "Stc":
        lengths = get("cycle", 10), get("fast", 23), get("slow", 50)
        stc = of("stc_schaff", close, *lengths, get("factor", 0.5))
        return crosses(stc, level(get("low", 25) if side > 0 else get("high", 75)), side)
    if name == "ChandelierExit":
        direction = of("chandelier", candles, get("n", 22), get("mult", 3))["direction"]
        return turns(direction, side)
    if name == "SuperTrend":
        direction = of("supertrend", candles, get("n", 10), get("mult", 3))["direction"]
        if get("role") == "trend":
            return [x == side for x in direction]
        flip = turns(direction, side)
        if get("ema") is None:
            return flip
        w, cross = get("w", 5), crosses(close, of("ema", close, get("ema")), side)
        return both([x == side for x in direction], lately(flip, w), lately(cross, w))
    if name == "StochRsiTrend":
        lengths = get("rsi", 14), get("stoch", 14), get("k", 3), get("d", 3)
        k, d = of("stoch_rsi", close, *lengths)
        outer = beyond(k, level(get("low", 20) if side > 0 else get("high", 80)), -side)
        return lately(both(crosses(k, d, side), outer), get("hold", 14))
    if name == "StDevContext":
        calm, extreme = get("calm", 1), get("extreme", 3)
        within = {
            "calm": lambda z: z < calm,
            "normal": lambda z: calm <= z < extreme,
            "extreme": lambda z: z >= extreme,
            "notExtreme": lambda z: z < extreme,
        }[get("state", "notExtreme")]
        scores = of("zscore", close, get("n", 50))
        return [z is not None and within(abs(z)) for z in scores]
    if name == "RsiDivergence":
        rsi = of("rsi", close, get("rsi", 14))
        found = divergence(
            candles, rsi, get("left", 5), get("right", 5), get("within", 60), side
        )
        confirm = get("confirm")
        if confirm is None:
            return found
        back = beyond(rsi, level(confirm if side > 0 else 100 - confirm), side)
        return both(found, back)
    raise ValueError(name)


def turns(direction, side):
    """Rows on which the direction becomes that of the side, from the other one."""
    pairs = zip([None] + direction, direction)
    return [before == -side and now == side for before, now in pairs]


def divergence(candles, rsi, left, right, within, side):
    """A lower pivot low of the price beside a higher RSI (side 1), or its mirror (-1)."""
    price = [c.low if side > 0 else -c.high for c in candles]
    out, last = [False] * len(price), None
    for row in range(left, len(price) - right):
        around = price[row - left : row] + price[row + 1 : row + right + 1]
        if not all(price[row] < other for other in around):
            continue
        if last is not None and row - last <= within and price[row] < price[last]:
            known = None not in (rsi[row], rsi[last])
            out[row + right] = known and side * (rsi[row] - rsi[last]) > 0
        last = row
    return out
