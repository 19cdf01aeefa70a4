"""Conditions and numbers of a strategy in its JSON tree form, evaluated candle by candle.

Only the tree form is read, and only the operators below: this is a check of the engine, not a parser.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import indicators
import named
from calendars import resample

MINUTE_MS = 60_000

COMPARE = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
POSITION = {
    "barsInTrade", "minutesInTrade", "openPnlPct", "openR", "maxFavourablePct", "barsSinceExit",
    "lastExitReason",
}
PRICES = {
    "open": lambda c: c.open,
    "high": lambda c: c.high,
    "low": lambda c: c.low,
    "close": lambda c: c.close,
    "volume": lambda c: c.volume,
    "hl2": lambda c: (c.high + c.low) / 2,
    "hlc3": lambda c: (c.high + c.low + c.close) / 3,
    "ohlc4": lambda c: (c.open + c.high + c.low + c.close) / 4,
}
# Indicators of a column, and of whole candles: argument names in order, with defaults.
OF_COLUMN = {
    "sma": ["n"], "ema": ["n"], "rma": ["n"], "wma": ["n"], "highest": ["n"], "lowest": ["n"],
    "stdev": ["n"], "zscore": ["n"], "rsi": ["n"], "mom": ["n"], "roc": ["n"],
    "macd": ["fast", "slow", "signal"], "bollinger": ["n", "mult"],
}
OF_CANDLES = {
    "atr": ["n"], "donchian": ["n"], "supertrend": ["n", "mult"], "chandelier": ["n", "mult"],
}
CLOCKS = ("hour", "minute", "dayOfWeek", "minuteOfSession")


def timeframe_minutes(text):
    return int(text[:-1]) * {"m": 1, "h": 60, "d": 1440, "w": 10080}[text[-1]]


class Series:
    """Candles of one timeframe and the values of nodes over them, one list per node."""

    # Set by tests: a source of noise, to find results that hang on the last bit of an indicator.
    noise = None

    def __init__(self, candles, ends, named, calendar="24x7", whole_days=False, others=None):
        """`ends`: when each candle has closed; `others`: candles and ends of other tickers."""
        self.candles, self.ends, self.named = candles, ends, named
        self.calendar, self.whole_days, self.others = calendar, whole_days, others or {}
        self.known = {}
        # Whose condition is asked, for named signals: 1 long, -1 short.
        self.side = 1

    def number(self, node):
        key = repr(node)
        if key not in self.known:
            self.known[key] = self.compute(node)
        return self.known[key]

    def compute(self, node):
        rows = range(len(self.candles))
        if isinstance(node, (int, float)):
            return [float(node) for _ in rows]
        if isinstance(node, str):
            if node in PRICES:
                return [PRICES[node](c) for c in self.candles]
            if node in CLOCKS:
                return [clock(node, c.time, "UTC") for c in self.candles]
            name, _, output = node.partition(".")
            found = self.number(self.named[name])
            return found[output] if output else found
        (name, args), = node.items()
        if isinstance(args, dict) and ("tf" in args or "ticker" in args):
            inner = {key: value for key, value in args.items() if key not in ("tf", "ticker")}
            inner = inner["of"] if name == "scope" else {name: inner} if inner else name
            return self.elsewhere(args.get("tf"), args.get("ticker"), inner)
        if name in CLOCKS:
            return [clock(name, c.time, args["tz"]) for c in self.candles]
        if name in OF_COLUMN or name in OF_CANDLES:
            return self.indicator(name, args)
        args = args if isinstance(args, list) else [args]
        if name == "prev":
            column, n = self.number(args[0]), args[1] if len(args) > 1 else 1
            return [None if row < n else column[row - n] for row in rows]
        if name == "sum":
            return indicators.over(self.number(args[0]), args[1], sum)
        if name == "percentRank":
            return percent_rank(self.number(args[0]), args[1])
        if name == "barsSince":
            return bars_since(self.condition(args[0]))
        if name == "countTrue":
            column, n = self.condition(args[0]), args[1]
            # Before n rows exist there is nothing to count over.
            return [
                None if row + 1 < n else float(sum(column[row + 1 - n : row + 1])) for row in rows
            ]
        if name == "valueWhen":
            when, column, last, out = self.condition(args[0]), self.number(args[1]), None, []
            for row in rows:
                last = column[row] if when[row] else last
                out.append(last)
            return out
        if name == "if":
            yes, no = self.condition(args[0]), self.condition({"not": args[0]})
            then, other = self.number(args[1]), self.number(args[2])
            return [then[row] if yes[row] else other[row] for row in rows]
        columns = [self.number(arg) for arg in args]
        return [arithmetic(name, [column[row] for column in columns]) for row in rows]

    def indicator(self, name, args):
        column = name in OF_COLUMN
        given = [args[arg] for arg in (OF_COLUMN if column else OF_CANDLES)[name]]
        source = self.number(args.get("of", "close")) if column else self.candles
        values = getattr(indicators, name)(source, *given)
        return values if name in ("highest", "lowest", "donchian") else self.blurred(values)

    def blurred(self, values):
        """Columns with the noise of tests, if there is any."""
        if isinstance(values, dict):
            return {key: self.blur(column) for key, column in values.items()}
        if isinstance(values, tuple):
            return tuple(map(self.blur, values))
        return self.blur(values)

    def blur(self, column):
        if self.noise is None or set(column) <= {None, 1.0, -1.0}:
            return column
        return [x if x is None else x + 1e-12 * self.noise.uniform(-1, 1) * max(1, abs(x)) for x in column]

    def elsewhere(self, tf, ticker, node):
        """Values on longer candles or those of another ticker, readable once these have closed."""
        key = ("series", tf, ticker)
        if key not in self.known:
            self.known[key] = self.other_series(tf, ticker)
        other = self.known[key]
        values = other.number(node)
        if isinstance(values, dict):
            return {output: self.carry(other, column) for output, column in values.items()}
        return self.carry(other, values)

    def other_series(self, tf, ticker):
        candles, ends = self.others[ticker] if ticker else (self.candles, self.ends)
        cut = (tf, self.calendar, self.whole_days)
        others = self.others
        if tf:
            candles, ends = resample(candles, *cut)
            others = {name: resample(series[0], *cut) for name, series in self.others.items()}
        return Series(candles, ends, self.named, self.calendar, self.whole_days, others)

    def carry(self, other, column):
        """At each close the last value of those that have closed by then."""
        out, row, last = [], 0, None
        for close in self.ends:
            while row < len(column) and other.ends[row] <= close:
                last = column[row]
                row += 1
            out.append(last)
        return out

    def condition(self, node, negated=False):
        """A condition that does not ask about the position."""
        key = ("condition", repr(node), negated, self.side)
        if key not in self.known:
            self.known[key] = [
                self.holds(node, row, None, negated) for row in range(len(self.candles))
            ]
        return self.known[key]

    def signal(self, name, args):
        """A named signal, whose rule is told in candle terms."""
        key = ("signal", name, repr(args), self.side)
        if key not in self.known:
            self.known[key] = named.holds(
                self.candles, name, args, self.side, self.blurred
            )
        return self.known[key]

    def scope(self, args, negated):
        """A condition on other candles, held until the next of them has closed."""
        key = ("scope", repr(args), negated, self.side)
        if key not in self.known:
            other = self.other_series(args.get("tf"), args.get("ticker"))
            other.side = self.side
            self.known[key] = self.carry(other, other.condition(args["of"], negated))
        return self.known[key]

    def holds(self, node, row, state, negated=False):
        """Whether a condition holds at a row; `state` answers questions about the position.

        Negation is pushed to the leaves, so a null is false in both senses.
        """
        if isinstance(node, bool):
            return node != negated
        if isinstance(node, str):
            node = {node: {}}
        (name, args), = node.items()
        if name in named.NAMES:
            if negated:
                raise ValueError("a negated named signal")
            return self.signal(name, args)[row]
        if name == "scope":
            # Before the first of its candles nothing is known, in both senses.
            return bool(self.scope(args, negated)[row])
        args = args if isinstance(args, list) else [args]
        if name == "not":
            return self.holds(args[0], row, state, not negated)
        if name in ("all", "any"):
            # In this order: none of the answers may be left out for the sake of speed.
            found = [self.holds(arg, row, state, negated) for arg in args]
            return all(found) if (name == "all") != negated else any(found)
        if name in ("eq", "ne") and "lastExitReason" in args:
            last = state("lastExitReason")
            if last is None:
                return False
            same = last == [a for a in args if a != "lastExitReason"][0]
            return same == ((name == "eq") != negated)
        if name in COMPARE:
            a, b = (self.value(arg, row, state) for arg in args)
            op = OPPOSITE[name] if negated else name
            return a is not None and b is not None and COMPARE[op](a, b)
        if name in ("crossUp", "crossDown"):
            if row == 0:
                return False
            a, b = self.number(args[0]), self.number(args[1])
            if None in (a[row - 1], b[row - 1], a[row], b[row]):
                return False
            before, now = cmp(a[row - 1], b[row - 1]), cmp(a[row], b[row])
            up = before <= 0 and now > 0 if name == "crossUp" else before >= 0 and now < 0
            return up != negated
        if name in ("rising", "falling"):
            column, n = self.number(args[0]), args[1]
            if row < n or None in column[row - n : row + 1]:
                return False
            steps = [cmp(column[row - i], column[row - i - 1]) for i in range(n)]
            return all(step == (1 if name == "rising" else -1) for step in steps) != negated
        if name in ("within", "held"):
            n = args[1]
            # not(within) is held(not) and not(held) is within(not): the leaves take the negation.
            column = self.condition(args[0], negated)
            window = column[max(0, row + 1 - n) : row + 1]
            if (name == "within") != negated:
                return any(window)
            return len(window) == n and all(window)
        raise ValueError(name)

    def value(self, node, row, state):
        if isinstance(node, str) and node in POSITION:
            return state(node)
        return self.number(node)[row]


def cmp(a, b):
    return (a > b) - (a < b)


def percent_rank(column, n):
    out = []
    for row, value in enumerate(column):
        window = column[max(0, row - n) : row]
        if len(window) < n or None in window or value is None:
            out.append(None)
        else:
            out.append(100 * sum(x <= value for x in window) / n)
    return out


def bars_since(column):
    out, last = [], None
    for row, holds in enumerate(column):
        last = row if holds else last
        out.append(None if last is None else float(row - last))
    return out


def arithmetic(name, values):
    if None in values:
        return None
    if name == "abs":
        return abs(values[0])
    if name == "min":
        return min(values)
    if name == "max":
        return max(values)
    if name == "/":
        return None if values[1] == 0 else values[0] / values[1]
    total = values[0]
    for value in values[1:]:
        total = {"+": total + value, "-": total - value, "*": total * value}[name]
    return total


def clock(field, time_ms, zone):
    at = datetime.fromtimestamp(time_ms / 1000, ZoneInfo(zone))
    return float({
        "hour": at.hour,
        "minute": at.minute,
        "dayOfWeek": at.isoweekday(),
        "minuteOfSession": at.hour * 60 + at.minute,
    }[field])
