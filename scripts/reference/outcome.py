"""The outcome document and the main numbers, from a finished walk."""

from datetime import datetime, timezone
from math import log, sqrt
from statistics import NormalDist, median

DAY_MS = 86_400_000
PERIODS = {"24x7": 365, "24x5": 260, "session": 252}


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def ms(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def trades_of(walk):
    """Closed trades in order of entry, and the open one."""
    by_trade = {}
    for fill in walk.fills:
        by_trade.setdefault(fill.trade, []).append(fill)
    closed, open_trade = [], None
    for number, fills in by_trade.items():
        entry, exits = fills[0], fills[1:]
        value = entry.quantity * entry.price
        fees = sum(fill.fee for fill in fills)
        got = sum(fill.quantity * fill.price for fill in exits)
        received = sum(amount for _, amount, trade in walk.paid if trade == number)
        trade = {
            "side": "long" if entry.side > 0 else "short",
            "entryTime": iso(entry.time),
            "entryPrice": entry.price,
            "fees": fees,
        }
        if walk.position and walk.position.trade == number:
            left, mark = walk.position.left, walk.candle.close
            pnl = entry.side * (got + left * mark - value) - fees + received
            trade.update(quantity=left, markPrice=mark)
            open_trade = trade
        else:
            pnl = entry.side * (got - value) - fees + received
            trade.update(
                exitTime=iso(exits[-1].time),
                exitPrice=got / sum(fill.quantity for fill in exits),
                exitReason=exits[-1].reason,
                quantity=entry.quantity,
                legs=len(exits),
            )
            closed.append(trade)
        trade.update(pnl=pnl, returnPct=100 * pnl / (value / walk.leverage))
    return closed, open_trade


def days_of(walk, calendar):
    if calendar not in ("24x7", "24x5"):
        return sorted(walk.marks)
    first = walk.day(walk.candles[walk.start].time)
    days = range(first, walk.day(walk.candles[-1].time) + 1, DAY_MS)
    return [day for day in days if calendar == "24x7" or (day // DAY_MS + 3) % 7 < 5]


def benchmark_returns(walk, calendar):
    """Buy and hold from the first open, marked at the last close of each day."""
    closes = {walk.day(c.time): c.close for c in walk.candles[walk.start :]}
    out, before = [], walk.candles[walk.start].open
    for day in days_of(walk, calendar):
        now = closes.get(day, before)
        out.append(now / before - 1)
        before = now
    return out


def daily_returns(walk, calendar):
    out, before, last = [], walk.balance, walk.balance
    for day in days_of(walk, calendar):
        last = walk.marks.get(day, last)
        # An account below zero has lost all that there was.
        out.append(0.0 if before <= 0 else max(last / before - 1, -1.0))
        before = last
    return out


def drawdown(start, curve):
    peak, worst = start, 0.0
    for equity in curve:
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1)
    return worst


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    m = mean(values)
    return sqrt(sum((x - m) ** 2 for x in values) / (len(values) - 1))


def percentile(values, share):
    values = sorted(values)
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def metrics(walk, trades, returns, calendar):
    p, n = walk.periods or PERIODS[calendar.partition(":")[0]], len(returns)
    curve, start = walk.equity, walk.balance
    daily, equity = [], start
    for r in returns:
        equity *= 1 + r
        daily.append(equity)
    out = {
        "totalReturn": curve[-1] / start - 1,
        "maxDrawdown": drawdown(start, curve),
        "maxDrawdownDaily": drawdown(start, daily),
        "trades": len(trades),
        "feesPaid": sum(fill.fee for fill in walk.fills),
        "fundingPaid": -sum(amount for _, amount, _ in walk.paid),
        "exposure": exposure(walk),
        "buyAndHoldReturn": walk.candles[-1].close / walk.candles[walk.start].open - 1,
        "longTrades": sum(t["side"] == "long" for t in trades),
        "shortTrades": sum(t["side"] == "short" for t in trades),
        "longPnl": sum(t["pnl"] for t in trades if t["side"] == "long"),
        "shortPnl": sum(t["pnl"] for t in trades if t["side"] == "short"),
    }
    out["cagr"] = max(curve[-1] / start, 0) ** (p / n) - 1 if curve[-1] > -1e-9 * start else None
    if n >= 2:
        out["volatility"] = deviation(returns) * sqrt(p)
    varied = n >= 2 and max(returns) - min(returns) > 1e-14
    excess = [r - ((1 + walk.risk_free) ** (1 / p) - 1) for r in returns]
    downside = sqrt(sum(min(r, 0) ** 2 for r in excess) / n)
    out["sharpe"] = mean(excess) / deviation(excess) * sqrt(p) if varied else None
    out["sortino"] = mean(excess) / downside * sqrt(p) if varied and downside else None
    out.update(shape(returns, varied))
    out.update(path(walk, daily))
    if varied and out["maxDrawdownDaily"] < 0 and out["cagr"] is not None:
        out["calmar"] = out["cagr"] / -out["maxDrawdownDaily"]
    if varied and any(r < 0 for r in returns):
        out["omega"] = sum(max(r, 0) for r in returns) / sum(max(-r, 0) for r in returns)
    if n >= 2:
        out["var95"] = percentile(returns, 0.05)
    out.update(trade_metrics(trades))
    out.update(ratios(walk, returns, daily, varied, out))
    out.update(against(benchmark_returns(walk, calendar), returns, p, walk.risk_free))
    out.update(luck(excess, varied, out))
    out.update(excursions(walk, trades))
    return out


def ratios(walk, returns, daily, varied, known):
    """What is left of growth, drawdown and tails."""
    years = (walk.candles[-1].time + walk.span - walk.candles[walk.start].time) / DAY_MS / 365.25
    growth, out = walk.equity[-1] / walk.balance, {}
    if growth > -1e-9:
        # Ten times as much within a day is more in a year than a number holds.
        small = log(max(growth, 1e-300)) / years < 700
        out["cagrCalendar"] = max(growth, 0) ** (1 / years) - 1 if small else None
    falls = varied and known["maxDrawdownDaily"] < -1e-14
    out["recoveryFactor"] = known["totalReturn"] / -known["maxDrawdownDaily"] if falls else None
    out["upi"] = known["totalReturn"] / known["ulcerIndex"] if falls else None
    if varied:
        low, high = percentile(returns, 0.05), percentile(returns, 0.95)
        out["tailRatio"] = abs(high / low) if abs(low) > 1e-14 else None
    out["stability"] = stability(returns) if varied and min(returns) > -1 else None
    traded = sum(fill.quantity * fill.price for fill in walk.fills)
    if mean(daily) > 0:
        out["turnover"] = traded / mean(daily)
    return out


def stability(returns):
    """R^2 of the cumulative log returns on time."""
    logs, total = [], 0.0
    for r in returns:
        total += log(1 + r)
        logs.append(total)
    n, y = len(logs), mean(logs)
    x = (n - 1) / 2
    up, height = sum((t - x) * (v - y) for t, v in enumerate(logs)), sum((v - y) ** 2 for v in logs)
    # All of it was made on the first day: a flat line.
    return up**2 / (sum((t - x) ** 2 for t in range(n)) * height) if height > 1e-28 else None


def against(held, returns, p, risk_free):
    """Alpha and beta to buy and hold."""
    if len(held) < 2 or max(held) - min(held) <= 1e-14:
        return {"alpha": None, "beta": None}
    b, r = mean(held), mean(returns)
    beta = sum((x - b) * (y - r) for x, y in zip(held, returns)) / sum((x - b) ** 2 for x in held)
    rf = (1 + risk_free) ** (1 / p) - 1
    return {"alpha": (r - rf - beta * (b - rf)) * p, "beta": beta}


def luck(excess, varied, known):
    """PSR against 0 and the least track record, of Bailey and Lopez de Prado 2012."""
    n = len(excess)
    if not varied or n < 4:
        return {"psr": None, "minTrl": None}
    ratio = mean(excess) / deviation(excess)
    spread = 1 - known["skew"] * ratio + (known["kurtosis"] + 2) / 4 * ratio**2
    if spread <= 0:
        return {}
    needed = 1 + spread * (NormalDist().inv_cdf(0.95) / ratio) ** 2 if ratio > 0 else None
    return {"psr": NormalDist().cdf(ratio * sqrt((n - 1) / spread)), "minTrl": needed}


def excursions(walk, trades):
    """How far prices went against and for each trade: whole candles but for the one of its exit."""
    if not trades:
        return {"mae": None, "mfe": None}
    against, in_favour = [], []
    for trade in trades:
        held = [c for c in walk.candles if trade["entryTime"] <= iso(c.time) < trade["exitTime"]]
        prices = [trade["entryPrice"], trade["exitPrice"]]
        prices += [c.high for c in held] + [c.low for c in held]
        moves = [100 * (price / trade["entryPrice"] - 1) for price in prices]
        if trade["side"] == "short":
            moves = [-move for move in moves]
        against.append(min(moves))
        in_favour.append(max(moves))
    return {"mae": mean(against), "mfe": mean(in_favour)}


def shape(returns, varied):
    """Skew, kurtosis and tails of daily returns."""
    n, out = len(returns), {}
    if n < 2:
        return out
    m, ordered = mean(returns), sorted(returns)
    tail = ordered[: int(0.05 * (n - 1)) + 1]
    out["cvar95"] = mean(tail)
    out["var95Gaussian"] = m + deviation(returns) * NormalDist().inv_cdf(0.05)
    moment = lambda k: sum((r - m) ** k for r in returns) / n
    if varied and n >= 4:
        g1, g2 = moment(3) / moment(2) ** 1.5, moment(4) / moment(2) ** 2 - 3
        out["skew"] = g1 * sqrt(n * (n - 1)) / (n - 2)
        out["kurtosis"] = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6)
    return out


def path(walk, daily):
    """Numbers about the way of equity: durations and the ulcer index."""
    peak, since, longest, under, below = walk.balance, walk.candles[walk.start].time, 0, 0, False
    span = walk.span
    for row, equity in enumerate(walk.equity):
        close = walk.candles[walk.start + row].time + span
        # Within 1e-12 of the peak is at the peak: the rest is rounding.
        if equity < peak * (1 - 1e-12):
            under, below = under + 1, True
            longest = max(longest, close - since)
        else:
            longest = max(longest, close - since) if below else longest
            peak, since, below = max(peak, equity), close, False
    out = {"timeUnderWater": under / len(walk.equity), "drawdownDurationDays": longest / DAY_MS}
    if len(daily) >= 2:
        peak, squares = walk.balance, 0.0
        for equity in daily:
            peak = max(peak, equity)
            squares += (equity / peak - 1) ** 2
        out["ulcerIndex"] = sqrt(squares / (len(daily) - 1))
    return out


def exposure(walk):
    """Candles with an open position; those of the entry and of the exit count."""
    rows = {walk.candles[row].time: row for row in range(len(walk.candles))}
    held, entries, exits = set(), {}, {}
    for fill in walk.fills:
        entries.setdefault(fill.trade, rows[fill.time])
        exits[fill.trade] = rows[fill.time]
    for trade, entry in entries.items():
        still = walk.position and walk.position.trade == trade
        last = len(walk.candles) - 1 if still else exits[trade]
        held.update(range(entry, last + 1))
    return len(held) / (len(walk.candles) - walk.start)


def trade_metrics(trades):
    n = len(trades)
    names = ("winRate", "profitFactor", "expectancy", "payoff", "kelly", "expectancyR", "sqn")
    out = dict.fromkeys(names)
    if not n:
        return out
    pnls = [trade["pnl"] for trade in trades]
    wins, losses = [x for x in pnls if x > 0], [-x for x in pnls if x < 0]
    rate = len(wins) / n
    out["winRate"], out["expectancy"] = rate, mean(pnls)
    out["longestWinStreak"], out["longestLossStreak"] = longest(pnls, 1), longest(pnls, -1)
    minutes = [(ms(trade["exitTime"]) - ms(trade["entryTime"])) / 60_000 for trade in trades]
    out["avgHoldingMinutes"], out["medianHoldingMinutes"] = mean(minutes), median(minutes)
    best = sorted(wins, reverse=True)
    if wins:
        out["topTradeProfitShare"] = best[0] / sum(wins)
        out["top5ProfitShare"] = sum(best[:5]) / sum(wins)
    out["bestTradePct"] = max(trade["returnPct"] for trade in trades)
    out["worstTradePct"] = min(trade["returnPct"] for trade in trades)
    if losses:
        out["profitFactor"] = sum(wins) / sum(losses)
    if wins and losses:
        payoff = mean(wins) / mean(losses)
        out.update(payoff=payoff, kelly=rate - (1 - rate) / payoff, expectancyR=(1 + payoff) * rate - 1)
    if n > 1 and max(pnls) - min(pnls) > 1e-12 * max(abs(x) for x in pnls):
        out["sqn"] = sqrt(n) * mean(pnls) / deviation(pnls)
        out["sqnCapped"] = sqrt(min(n, 100)) * mean(pnls) / deviation(pnls)
    return out


def longest(pnls, sign):
    """Most results of a sign in a row; 0 neither extends nor ends a streak."""
    run = most = 0
    for pnl in pnls:
        run = run + 1 if pnl * sign > 0 else 0 if pnl * sign < 0 else run
        most = max(most, run)
    return most


def sensitivity(own, ways):
    """How far the result is from itself with the stop and with the target first."""
    def way(document):
        start, end = document["equity"]["initial"], document["equity"]["final"]
        return {
            "totalReturn": end / start - 1,
            "finalEquity": end,
            "trades": len(document["trades"]) + (document["openPosition"] is not None),
            "ambiguous": document["counts"]["ambiguous"],
        }

    found = {name: way(document) for name, document in ways.items()}
    returns = [one["totalReturn"] for one in found.values()]
    return {
        "ambiguous": own["counts"]["ambiguous"], **found,
        "spreadPct": 100 * abs(returns[0] - returns[1]),
    }


def document(walk):
    trades, open_trade = trades_of(walk)
    returns = daily_returns(walk, walk.calendar)
    return {
        "trades": trades,
        "openPosition": open_trade,
        "counts": {
            "ambiguous": walk.ambiguous,
            "conflicts": walk.conflicts,
            "skipped": dict(walk.skipped),
        },
        "equity": {"initial": walk.balance, "final": walk.equity[-1]},
        "dailyReturns": returns,
        "metrics": metrics(walk, trades, returns, walk.calendar),
    }
