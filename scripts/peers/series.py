"""The candles that peers are compared on: shipped real ones and seeded hard ones."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[2] / "examples/candles"
MINUTE_MS = 60_000
START_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z, a Monday


@dataclass
class Series:
    name: str
    minutes: int
    calendar: str
    time_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray

    def __len__(self):
        return len(self.close)

    @property
    def timeframe(self):
        return {1: "1m", 240: "4h", 1440: "1d"}[self.minutes]


def real(file):
    """A shipped series; what its last name says is the timeframe."""
    with gzip.open(FOLDER / file, "rt") as text:
        rows = [row[:5] for row in list(csv.reader(text))[1:]]
    times = np.array([int(row[0]) for row in rows])
    prices = np.array([[float(cell) for cell in row[1:]] for row in rows]).T
    minutes = {"1m": 1, "4h": 240}.get(file.split("-")[-1].split(".")[0], 1440)
    calendar = "session" if minutes == 1440 else "24x7"
    return Series(file.split(".")[0], minutes, calendar, times, *prices)


def reals():
    return [real(path.name) for path in sorted(FOLDER.glob("*.csv.gz"))]


def drawn(name, seed, count, volatility, gaps):
    """A walk of minutes: `volatility` of a candle; `gaps`: how often prices jump and rows miss.

    Prices are rounded to 0.01, so that many are equal, and far enough from 0 to stay above it.
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, volatility, count)
    jumps = np.where(rng.random(count) < gaps, rng.normal(0.0, 4 * volatility, count), 0.0)
    # Pulled back to its start, or a wild walk would leave all sizes behind.
    log_close, log_open = np.empty(count), np.empty(count)
    last = 0.0
    for row in range(count):
        log_open[row] = 0.999 * last + jumps[row]
        last = log_close[row] = log_open[row] + steps[row]
    open_, close = (np.round(1000.0 * np.exp(column), 2) for column in (log_open, log_close))
    reach = np.exp(np.abs(rng.normal(0.0, volatility, (2, count))))
    high = np.round(np.maximum(open_, close) * reach[0], 2)
    low = np.round(np.minimum(open_, close) / reach[1], 2)
    missing = np.where(rng.random(count) < gaps, rng.integers(1, 90, count), 0)
    time_ms = START_MS + MINUTE_MS * (np.arange(count) + np.cumsum(missing))
    return Series(name, 1, "24x7", time_ms, open_, high, low, close)


def hard():
    """Seeded series: what is rare on real candles happens all the time here."""
    wild = [drawn(f"wild {seed}", seed, 4000, 0.03, 0.0) for seed in (1, 2, 3, 4)]
    gaps = [drawn(f"gaps {seed}", seed, 4000, 0.004, 0.2) for seed in (5, 6)]
    both = [drawn(f"wild gaps {seed}", seed, 4000, 0.02, 0.3) for seed in (7, 8)]
    return wild + gaps + both + [drawn("100k", 42, 100_000, 0.0015, 0.01)]
