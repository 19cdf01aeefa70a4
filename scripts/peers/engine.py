"""Runs a case through the binary that BACKFLEET names."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BALANCE = 10_000_000.0
DAY_MS = 86_400_000


@dataclass
class Trade:
    """A closed trade: quantity > 0 long, < 0 short; times in ms; pnl net of fees."""

    entry_ms: int
    exit_ms: int
    quantity: float
    entry: float
    exit: float
    pnl: float


@dataclass
class Result:
    trades: list
    # Equity at the end of each day that has a candle, and day by its start in ms.
    days: dict


def ms(text):
    return int(np.datetime64(text.rstrip("Z"), "ms").astype(int))


def any_of(bit):
    return {"any": [{"eq": ["volume", code]} for code in range(16) if code & bit]}


def request(series, case, profile, lot_step):
    size = {"fixedQuote": case.quote} if case.quote else {"percentOfBalance": case.size_pct}
    money = {"size": size}
    for key, value in (("stopLossPct", case.stop_pct), ("takeProfitPct", case.target_pct),
                       ("trailingStopPct", case.trail_pct)):
        if value is not None:
            money[key] = value
    if case.follow:
        money["stop"] = {"level": f"close * {case.follow!r}", "follow": True}
    config = {
        "exchange": "peer", "ticker": "SERIES", "timeframe": series.timeframe, "balance": BALANCE,
        "calendar": series.calendar,
        "strategy": {"signals": {"long": any_of(1), "short": any_of(2),
                                 "exitLong": any_of(4), "exitShort": any_of(8)}},
        "moneyManagement": money,
        "risk": {"direction": case.direction},
        "costs": {"feePct": case.fee_pct},
        "fill": {"profile": profile} if profile else {},
        "instrument": {"lotStep": lot_step},
    }
    return {"universalConfig": config}


def document(series, case, profile, lot_step=0, options=()):
    """The whole answer of `backfleet run --json`."""
    with tempfile.TemporaryDirectory() as folder:
        table, asked = Path(folder, "candles.csv"), Path(folder, "request.json")
        columns = (series.time_ms, series.open, series.high, series.low, series.close, case.signals)
        rows = zip(*(column.tolist() for column in columns))
        lines = (",".join(map(repr, row)) + "\n" for row in rows)
        table.write_text("timestamp,open,high,low,close,volume\n" + "".join(lines))
        asked.write_text(json.dumps(request(series, case, profile, lot_step)))
        command = [os.environ["BACKFLEET"], "run", asked, "--candles", table, "--json", *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{series.name}, {case.name}: {done.stderr}")
        return json.loads(done.stdout)


def ours(series, case, profile, lot_step=0):
    answer = document(series, case, profile, lot_step)
    trades = [
        Trade(ms(trade["entryTime"]), ms(trade["exitTime"]),
              trade["quantity"] * (1 if trade["side"] == "long" else -1),
              trade["entryPrice"], trade["exitPrice"], trade["pnl"])
        for trade in answer["trades"]
    ]
    with_candles = np.unique(series.time_ms // DAY_MS)
    days = with_candles
    if series.calendar == "24x7":
        days = np.arange(days[0], days[-1] + 1)
    equity = BALANCE * np.cumprod(1 + np.array(answer["dailyReturns"]))
    assert len(equity) == len(days), (len(equity), len(days))
    marks = dict(zip(days.tolist(), equity.tolist()))
    return Result(trades, {day: marks[day] for day in with_candles.tolist()})


def last_of_days(series, equity):
    """Equity at the last candle of each day."""
    return dict(zip((series.time_ms // DAY_MS).tolist(), np.asarray(equity).tolist()))
