"""What a walk reads beside its own candles: other tickers, signals of one's own, funding, finer candles."""

from bisect import bisect_left
from dataclasses import dataclass, field

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@dataclass
class Beside:
    # Candles of other tickers by name.
    others: dict = field(default_factory=dict)
    # The wanted position (1, -1, 0) by open time.
    column: dict | None = None
    # (time, rate, mark or None), in order.
    rates: list | None = None
    # Finer candles of the same ticker, in order.
    detail: list | None = None


def payments(funding, rates, candles, span):
    """Funding payments of `candles` in order: those of a rule or those given, on whole minutes."""
    if funding == "fromData":
        whole = [((t + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS, r, mark) for t, r, mark in rates]
        return whole
    if isinstance(funding, dict):
        every = funding.get("everyHours", 8) * HOUR_MS
        first = -(-candles[0].time // every) * every
        times = range(first, candles[-1].time + span, every)
        return [(time, funding["ratePct"] / 100, None) for time in times]
    return []


def finer_of(detail, minutes, time, span):
    """The finer candles of the one that opens at `time`; None if one is missing."""
    if not detail:
        return None
    at = bisect_left(detail, time, key=lambda c: c.time)
    count = span // (minutes * MINUTE_MS)
    part = detail[at : at + count]
    wanted = [time + i * minutes * MINUTE_MS for i in range(count)]
    return part if [c.time for c in part] == wanted else None
