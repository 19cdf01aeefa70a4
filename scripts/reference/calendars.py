"""Days, weeks and months of a calendar, and the longer candles that are made of a series."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
EPOCH = date(1970, 1, 1)
# Every offset of a time zone since 1972 is a multiple of it.
STEP_MS = 15 * MINUTE_MS


def day_of(time, calendar, whole_days=False):
    """The date that owns an instant, in days since 1970; `whole_days`: candles stand for UTC dates."""
    if calendar.startswith("session:") and not whole_days:
        local = datetime.fromtimestamp(time / 1000, ZoneInfo(calendar.partition(":")[2]))
        time += int(local.utcoffset().total_seconds()) * 1000
    day = time // DAY_MS
    if calendar == "24x5":
        # Monday owns the weekend before it.
        day += {5: 2, 6: 1}.get((day + 3) % 7, 0)
    return day


def bucket(time, tf, calendar, whole_days):
    """What tells the longer candle of one instant from that of another."""
    if tf[-1] in "mh":
        return time // (int(tf[:-1]) * {"m": 1, "h": 60}[tf[-1]] * MINUTE_MS)
    day = day_of(time, calendar, whole_days)
    if tf == "1d":
        return day
    if tf == "1w":
        return (day + 3) // 7
    if tf == "1M":
        at = EPOCH + timedelta(days=day)
        return at.year, at.month
    raise ValueError(tf)


def edges(time, tf, calendar, whole_days):
    """First instant of the longer candle that holds `time`, and the first one after it."""
    own = bucket(time, tf, calendar, whole_days)
    start = end = time // STEP_MS * STEP_MS
    while bucket(start - STEP_MS, tf, calendar, whole_days) == own:
        start -= STEP_MS
    while bucket(end, tf, calendar, whole_days) == own:
        end += STEP_MS
    return start, end


def resample(candles, tf, calendar, whole_days):
    """Longer candles and the times they end; nothing is filled in."""
    parts = {}
    for c in candles:
        parts.setdefault(bucket(c.time, tf, calendar, whole_days), []).append(c)
    out, out_ends = [], []
    for part in parts.values():
        start, end = edges(part[0].time, tf, calendar, whole_days)
        out.append(type(part[0])(
            start, part[0].open, max(c.high for c in part), min(c.low for c in part),
            part[-1].close, sum(c.volume for c in part),
        ))
        out_ends.append(end)
    return out, out_ends
