"""Compares two results trade by trade and prints one row a case."""

import sys
from collections import Counter

from engine import BALANCE

PRICE = 1e-9
EQUITY = 1e-6


def near(a, b, tolerance):
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def same(a, b):
    return (
        (a.entry_ms, a.exit_ms) == (b.entry_ms, b.exit_ms)
        and near(a.quantity, b.quantity, EQUITY)
        and near(a.entry, b.entry, PRICE)
        and near(a.exit, b.exit, PRICE)
        and near(a.pnl, b.pnl, EQUITY)
    )


class Table:
    """Rows of one run; `failed` counts those with a difference."""

    def __init__(self, peer):
        self.peer, self.rows, self.failed, self.trades = peer, 0, 0, 0
        self.why = Counter()
        print(f"{'series':28}{'strategy':34}{'ours':>7}{peer:>16}{'differing':>11}{'equity':>10}")

    def add(self, series, case, ours, theirs):
        """The two lists are walked side by side, so one trade too many makes all later ones differ."""
        pairs = list(zip(ours.trades, theirs.trades))
        wrong = [(a, b) for a, b in pairs if not same(a, b)]
        differing = len(wrong) + abs(len(ours.trades) - len(theirs.trades))
        days = ours.days.keys() | theirs.days.keys() if theirs.days else []
        gaps = [abs(ours.days.get(day, 0.0) - theirs.days.get(day, 0.0)) for day in days]
        scale = [max(abs(theirs.days.get(day, 0.0)), BALANCE * 1e-3) for day in days]
        equity = max((gap / size for gap, size in zip(gaps, scale)), default=0.0)
        failed = differing > 0 or equity > EQUITY
        counts = f"{len(ours.trades):7}{len(theirs.trades):16}{differing:11}{equity:10.1e}"
        print(f"{series.name:28}{case.name:34}{counts}{'  FAILED' if failed else ''}", flush=True)
        if failed and wrong:
            print(f"    first: ours {wrong[0][0]}\n           {self.peer} {wrong[0][1]}")
        self.rows += 1
        self.failed += failed
        self.trades += len(theirs.trades)

    def finish(self):
        verdict = f"{self.failed} of {self.rows} runs differ" if self.failed else "no run differs"
        print(f"{verdict}: {self.rows} runs, {self.trades} trades of {self.peer}")
        sys.exit(1 if self.failed else 0)
