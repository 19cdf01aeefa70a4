"""The plain walk of ENGINE sections 2 to 4: candle by candle, nothing skipped, nothing fast."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, floor
from zoneinfo import ZoneInfo

from strategy import MINUTE_MS, Series, timeframe_minutes

DAY_MS = 1440 * MINUTE_MS


@dataclass
class Candle:
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass
class Fill:
    time: int
    side: int
    quantity: float
    price: float
    fee: float
    reason: str
    trade: int


@dataclass
class Position:
    """`side` is 1 long, -1 short; prices "beyond" a level are found by multiplying with it."""

    side: int
    row: int
    time: int
    price: float
    quantity: float
    fee: float
    base: float
    trade: int
    stop: float | None = None
    target: float | None = None
    exits: list = field(default_factory=list)
    trail: float | None = None
    trail_distance: float | None = None
    extreme: float = 0.0
    best: float = 0.0
    risk: float | None = None
    left: float = 0.0
    realised: float = 0.0
    is_pending_fill: bool = False

    def effective_stop(self):
        """The tighter of stop and trail, and its reason."""
        levels = [(self.stop, "stop_loss"), (self.trail, "trailing_stop")]
        levels = [level for level in levels if level[0] is not None]
        return max(levels, key=lambda level: self.side * level[0], default=(None, ""))


class Walk:
    def __init__(self, request, candles, start, warmup):
        """`candles` are all that exist; the range begins at row `start` of them."""
        config = request["universalConfig"]
        self.minutes = timeframe_minutes(config["timeframe"])
        first = max(0, start - warmup)
        self.candles, self.start = candles[first:], start - first
        self.span = self.minutes * MINUTE_MS
        strategy = config["strategy"]
        self.signals = strategy["signals"]
        self.series = Series(self.candles, self.minutes, strategy.get("indicators", {}))
        self.read_settings(config)
        self.calendar = config.get("calendar", "24x7")
        self.risk_free = config.get("riskFreePct", 0) / 100
        self.periods = config.get("periodsPerYear")
        self.cash = self.balance = config["balance"]
        self.position = None
        self.pending = None
        self.fills, self.equity, self.marks = [], [], {}
        self.skipped = Counter()
        self.conflicts = self.ambiguous = 0
        self.streak, self.paused_until = 0, None
        self.last_exit_row = self.last_exit_reason = None
        self.pnls = []
        self.ruined = False
        self.traded = 0

    def read_settings(self, config):
        money, risk = config.get("moneyManagement", {}), config.get("risk", {})
        costs, fill = config.get("costs", {}), config.get("fill", {})
        instrument = config.get("instrument", {})

        def level(long, short):
            if money.get(long) is not None:
                return money[long]
            return None if money.get(short) is None else {"pct": money[short]}

        self.stop, self.target = level("stop", "stopLossPct"), level("target", "takeProfitPct")
        self.trail = money.get("trail")
        if self.trail is None and money.get("trailingStopPct") is not None:
            self.trail = {
                "pct": money["trailingStopPct"],
                "activationPct": money.get("trailingActivationPct"),
            }
        self.exits = money.get("exits") or []
        self.size = money.get("size") or {"percentOfBalance": 100}
        self.leverage = money.get("leverage", 1)
        self.maintenance = money.get("maintenanceMarginPct", 0.5) / 100
        self.flip = risk.get("flipPosition", True)
        self.flip_in_profit = risk.get("flipOnlyInProfit", False)
        self.direction = risk.get("direction", "both")
        self.cooldown = risk.get("cooldownCandles", 0)
        self.loss_streak = risk.get("lossStreak")
        self.max_minutes = risk.get("maxPositionMinutes")
        self.close_early = risk.get("closeEarlyWhenProfitable")
        self.order = risk.get("entryOrder", "market")
        self.taker = costs.get("takerFeePct", costs.get("feePct", 0.1)) / 100
        self.maker = costs.get("makerFeePct", costs.get("feePct", 0.1)) / 100
        self.slip = (costs.get("slippageBps", 0) + costs.get("spreadBps", 0) / 2) / 10_000
        self.both_touched = fill.get("bothTouched", "stopFirst")
        self.target_at_open = fill.get("openBeyondTarget", "targetAtOpen") == "targetAtOpen"
        self.flip_first = fill.get("flipVsStop", "flipFirst") == "flipFirst"
        self.gap_at_open = fill.get("gap", "open") == "open"
        self.entry_candle = fill.get("stopOnEntryCandle", True)
        self.base_is_fill = fill.get("levelBase", "entryFill") == "entryFill"
        self.trail_extreme = fill.get("trailingBase", "extreme") == "extreme"
        self.close_at_end = fill.get("end", "mark") == "close"
        self.tick = instrument.get("tickSize", 0)
        # Steps and minimums of quantity count contracts.
        contract = instrument.get("contractMultiplier", 1)
        self.lot = instrument.get("lotStep", 0) * contract
        self.min_quantity = instrument.get("minQuantity", 0) * contract
        self.min_notional = instrument.get("minNotional", 0)

    # The order of one candle: the open, inside, the close.

    def run(self):
        due = None
        for row in range(self.start, len(self.candles)):
            self.row, self.candle = row, self.candles[row]
            self.inside_done = False
            self.at_open(due)
            self.inside()
            due = self.at_close()
            self.mark()
        self.end(due)
        return self

    def at_open(self, due):
        c, position = self.candle, self.position
        if position:
            fills = len(self.fills)
            self.gaps(leaves=bool(due) and self.flip_first)
            if due and not self.flip_first:
                # The levels of the whole candle come before what is due at its open, which is lost.
                if self.position:
                    self.inside()
                if len(self.fills) > fills:
                    self.inside_done = True
                    return
        if self.position and due:
            if due[0] == "exit":
                self.close_market(c.open, due[1])
            elif due[0] == "flip":
                self.close_market(c.open, "flip")
        if due and due[0] in ("enter", "flip") and self.position is None:
            self.enter(due[1], due[2], is_flip=due[0] == "flip")

    def gaps(self, leaves):
        """What the open has jumped over; `leaves`: the position ends at this open in any case."""
        p, o = self.position, self.candle.open
        stop, reason = p.effective_stop()
        if self.beyond_liquidation(o):
            self.liquidate()
        elif stop is not None and p.side * (o - stop) <= 0:
            self.close_market(o if self.gap_at_open else stop, reason)
        elif self.reaches_target(o):
            adverse = self.candle.low if p.side > 0 else self.candle.high
            lost = None if self.target_at_open or leaves else self.loss_reached(adverse)
            if lost == "liquidation":
                self.liquidate()
            elif lost:
                self.stop_out()
            else:
                self.take_targets(o)

    def inside(self):
        if self.inside_done:
            return
        if self.position is None:
            self.try_pending()
        p, c = self.position, self.candle
        if p is None:
            return
        adverse, favourable = (c.low, c.high) if p.side > 0 else (c.high, c.low)
        lost = self.loss_reached(adverse)
        # Where in its candle a pending order filled is not known: its target waits for the next.
        late = p.is_pending_fill and p.row == self.row
        hit = self.levels_work() and not late and self.reaches_target(favourable)
        self.ambiguous += bool(lost and hit)
        target_first = self.both_touched == "targetFirst" or (
            self.both_touched == "path" and abs(favourable - c.open) < abs(adverse - c.open)
        )
        if lost and not (hit and target_first):
            self.liquidate() if lost == "liquidation" else self.stop_out()
        elif hit:
            self.take_targets(favourable)
            # What is left meets the other side of the candle, and its stop may have moved.
            if lost and self.position:
                lost = self.loss_reached(adverse)
                if lost == "liquidation":
                    self.liquidate()
                elif lost:
                    # The price comes back from the target: the open is long past.
                    self.close_market(*p.effective_stop())

    def levels_work(self):
        """Whether stop and target may be hit in this candle. A liquidation asks for no switch."""
        return self.entry_candle or self.position.row != self.row

    def loss_reached(self, adverse):
        """"stop" or "liquidation", whichever is nearer to the open; None if neither is reached."""
        p = self.position
        stop, _ = p.effective_stop()
        stopped = self.levels_work() and stop is not None and p.side * (adverse - stop) <= 0
        liquidated = self.beyond_liquidation(adverse)
        if stopped and not (liquidated and p.side * (stop - self.liquidation_price()) < 0):
            return "stop"
        return "liquidation" if liquidated else None

    def reaches_target(self, price):
        p = self.position
        levels = [exit["level"] for exit in p.exits] + [p.target] * (p.target is not None)
        return any(p.side * (price - level) >= 0 for level in levels)

    def stop_out(self):
        """At the level, or at the open (the fill of a pending order) where that is beyond it."""
        p = self.position
        stop, reason = p.effective_stop()
        late = p.is_pending_fill and p.row == self.row
        first = p.price if late else self.candle.open
        is_jumped = (late or self.gap_at_open) and p.side * (first - stop) < 0
        self.close_market(first if is_jumped else stop, reason)

    def take_targets(self, reach):
        """Partial exits in order of their distance, then the target of the rest."""
        p = self.position
        for exit in sorted(p.exits, key=lambda exit: p.side * exit["level"]):
            is_last = p.target is not None and p.side * (exit["level"] - p.target) > 0
            if is_last or p.side * (reach - exit["level"]) < 0:
                break
            p.exits.remove(exit)
            self.leave(exit["level"], min(exit["quantity"], p.left))
            if self.position is None:
                return
            if exit["then"] is not None:
                p.stop = exit["then"]
        if p.target is not None and p.side * (reach - p.target) >= 0:
            self.leave(p.target, p.left)

    # Entries.

    def blocked(self, is_flip):
        """The reason why no entry is made at this open."""
        equity = self.cash
        if self.ruined or equity <= 1e-12 * self.balance or equity < self.min_notional:
            self.ruined = True
            return "ruined"
        if self.paused():
            return "lossStreak"
        if not is_flip and self.cooling():
            return "cooldown"
        return None

    def cooling(self):
        last = self.last_exit_row
        return last is not None and last < self.row <= last + self.cooldown

    def paused(self):
        until = self.paused_until
        if until is None:
            return False
        kind, value = until
        if kind == "forever":
            return True
        if kind == "candles":
            return self.row <= value
        return self.day(self.candle.time) <= value

    def enter(self, side, signal, is_flip):
        why = self.blocked(is_flip)
        if why:
            self.skipped[why] += 1
            return
        if self.order != "market":
            kind = "limit" if "limit" in self.order else "stop"
            price = self.series.number(self.order[kind])[signal]
            if price is None:
                self.skipped["noSize"] += 1
                return
            self.pending = {"side": side, "signal": signal, "kind": kind, "price": price}
            self.pending["row"] = self.row
            return
        self.open_position(side, signal, self.slipped(self.candle.open, side), self.taker)

    def try_pending(self):
        order, c = self.pending, self.candle
        if order is None:
            return
        side, price = order["side"], order["price"]
        # A limit waits for a better price, a stop for a worse one.
        towards = -side if order["kind"] == "limit" else side
        extreme = c.high if towards > 0 else c.low
        if towards * (extreme - price) < 0:
            return
        fill = (max if towards > 0 else min)(c.open, price)
        self.pending = None
        if order["kind"] == "limit":
            self.open_position(side, order["signal"], self.on_tick(fill, side), self.maker)
        else:
            self.open_position(side, order["signal"], self.slipped(fill, side), self.taker)
        if self.position:
            self.position.is_pending_fill = True

    def open_position(self, side, signal, price, fee_rate):
        base = price if self.base_is_fill else self.candles[signal].close
        stop = self.level(self.stop, base, -side, signal)
        target = self.level(self.target, base, side, signal)
        exits = []
        for exit in self.exits:
            level = self.level(exit["target"], base, side, signal)
            then = exit.get("thenStop")
            if then == "entry":
                then = price
            elif then is not None:
                then = self.level(then, base, -side, signal)
            exits.append({"level": level, "pct": exit["closePct"], "then": then})
        # Level by level; one that the strategy asks for but that is null gives no trade without it.
        wanted = [(self.stop, stop, -side), (self.target, target, side)]
        wanted += [(ask["target"], exit["level"], side) for ask, exit in zip(self.exits, exits)]
        for ask, level, direction in wanted:
            if ask is not None and level is None:
                self.skipped["noSize"] += 1
                return
            if ask is not None and direction * (level - price) <= 0:
                self.skipped["levelOnWrongSide"] += 1
                return
        p = Position(side, self.row, self.candle.time, price, 0.0, 0.0, base, self.traded)
        p.stop, p.target, p.extreme, p.best = stop, target, price, price
        if self.trail and self.trail.get("distance") is not None:
            p.trail_distance = self.series.number(self.trail["distance"])[signal]
        self.move_trail(p, price)
        # What is risked is the way to the tighter of stop and trail.
        tightest, _ = p.effective_stop()
        p.risk = None if tightest is None else abs(price - tightest)
        quantity = self.quantity(price, p.risk, fee_rate)
        if self.lot:
            quantity = floor(quantity / self.lot + 1e-9) * self.lot
        if quantity <= 0 or quantity < self.min_quantity:
            self.skipped["minQuantity"] += 1
            return
        if quantity * price < self.min_notional:
            self.skipped["minNotional"] += 1
            return
        fee = quantity * price * fee_rate
        self.traded += 1
        p.quantity, p.fee, p.left, p.realised = quantity, fee, quantity, -fee
        for exit in exits:
            part = quantity * exit["pct"] / 100
            exit["quantity"] = floor(part / self.lot + 1e-9) * self.lot if self.lot else part
        p.exits = exits
        self.position = p
        self.cash -= side * quantity * price + fee
        self.fills.append(Fill(self.candle.time, side, quantity, price, fee, "entry", p.trade))

    def level(self, form, base, direction, row):
        """A level in `direction` from the base; None if it is not asked for or null."""
        if form is None:
            return None
        if "pct" in form:
            return base * (1 + direction * form["pct"] / 100)
        if "distance" in form:
            distance = self.series.number(form["distance"])[row]
            return None if distance is None else base + direction * distance
        return self.series.number(form["level"])[row]

    def quantity(self, price, risk, fee_rate):
        wanted = self.wanted_quantity(price, risk, fee_rate)
        # The account must hold the margin and the fee of what it buys.
        full = self.cash * self.leverage / (1 + self.leverage * fee_rate) / price
        return min(wanted, full)

    def wanted_quantity(self, price, risk, fee_rate):
        (form, value), = ((k, v) for k, v in self.size.items() if k != "start")
        equity = self.cash

        def share(pct):
            return equity * pct / 100 * self.leverage / (1 + self.leverage * fee_rate) / price

        if form == "percentOfBalance":
            return share(value)
        if form == "fixedQuote":
            return value / price
        if form == "fixedQuantity":
            return value
        if form == "riskPct":
            return equity * value / 100 / risk
        if form == "kelly":
            return share(self.kelly(value, self.size["start"]))
        raise ValueError(form)

    def kelly(self, cap, start):
        if len(self.pnls) < 30:
            return start
        wins = [pnl for pnl in self.pnls if pnl > 0]
        losses = [-pnl for pnl in self.pnls if pnl < 0]
        if not wins:
            return 0.0
        if not losses:
            return cap
        rate = len(wins) / len(self.pnls)
        payoff = sum(wins) / len(wins) / (sum(losses) / len(losses))
        return max(0.0, min(cap, 100 * (rate - (1 - rate) / payoff)))

    # Exits.

    def liquidation_price(self):
        """None where no price can use up the margin: long without leverage."""
        p, leverage = self.position, self.leverage
        price = p.price * (1 - p.side / leverage) / (1 - p.side * self.maintenance)
        return price if price > 0 else None

    def beyond_liquidation(self, price):
        level = self.liquidation_price()
        return level is not None and self.position.side * (price - level) <= 0

    def liquidate(self):
        p = self.position
        self.book(p.price * (1 - p.side / self.leverage), "liquidation", 0.0, p.left)

    def close_market(self, price, reason):
        p = self.position
        self.book(self.slipped(price, -p.side), reason, self.taker, p.left)

    def leave(self, level, quantity):
        """A target: exact, or better at the open where that is beyond it already."""
        p = self.position
        is_jumped = self.gap_at_open and p.side * (self.candle.open - level) > 0
        price = self.on_tick(self.candle.open if is_jumped else level, -p.side)
        if quantity > 0:
            self.book(price, "take_profit", self.maker, quantity)

    def book(self, price, reason, fee_rate, quantity):
        p = self.position
        # Isolated margin: no exit loses more than it, whatever slippage and ticks ask for.
        bankruptcy = p.price * (1 - p.side / self.leverage)
        price = max(price, bankruptcy) if p.side > 0 else min(price, bankruptcy)
        fee = quantity * price * fee_rate
        if quantity >= p.left:
            # Equity never falls below zero: the exchange takes no fee from an empty account.
            fee = max(0.0, min(fee, self.cash + p.side * quantity * price))
        self.cash += p.side * quantity * price - fee
        p.realised += p.side * quantity * (price - p.price) - fee
        p.left -= quantity
        self.fills.append(Fill(self.candle.time, -p.side, quantity, price, fee, reason, p.trade))
        if p.left > 1e-12 * p.quantity:
            return
        self.position = None
        self.last_exit_row, self.last_exit_reason = self.row, reason
        self.pnls.append(p.realised)
        if abs(p.realised) <= 1e-13 * p.quantity * p.price:
            return
        if p.realised > 0:
            self.streak = 0
        else:
            self.streak += 1
            self.start_pause()

    def start_pause(self):
        if not self.loss_streak or self.streak < self.loss_streak["max"]:
            return
        pause = self.loss_streak["pause"]
        value = {
            "forever": None,
            "candles": self.row + self.loss_streak.get("candles", 0),
            "day": self.day(self.candle.time),
        }[pause]
        self.paused_until = (pause, value)
        self.streak = 0

    def slipped(self, price, side):
        return self.on_tick(price * (1 + side * self.slip), side)

    def on_tick(self, price, side):
        """Against the trader: up for a buy, down for a sale; a billionth of a tick is no tick."""
        if not self.tick:
            return price
        ticks = price / self.tick
        return (ceil(ticks - 1e-9) if side > 0 else floor(ticks + 1e-9)) * self.tick

    # The close.

    def at_close(self):
        p, c = self.position, self.candle
        if p:
            best = c.high if p.side > 0 else c.low
            # A pending order may have filled after the extreme, but not after the close.
            if p.is_pending_fill and p.row == self.row:
                best = c.close
            if self.trail and self.trail.get("distance") is not None:
                p.trail_distance = self.series.number(self.trail["distance"])[self.row]
            self.move_trail(p, best if self.trail_extreme else c.close)
            p.best = (max if p.side > 0 else min)(p.best, best)
            self.follow()
        else:
            self.age_pending()
        read = {name: self.reads(name) for name in ("long", "short", "exitLong", "exitShort")}
        read["long"] &= self.direction != "short"
        read["short"] &= self.direction != "long"
        conflict = read["long"] and read["short"]
        self.conflicts += conflict
        want_long = read["long"] and not conflict and not read["exitLong"]
        want_short = read["short"] and not conflict and not read["exitShort"]
        if p is None:
            if not (want_long or want_short):
                return None
            if self.pending:
                if self.pending["side"] == (1 if want_long else -1):
                    return None
                # An opposite signal takes the place of the order.
                self.pending = None
                self.skipped["unfilled"] += 1
            return "enter", 1 if want_long else -1, self.row
        held = (c.time + self.span - p.time) // MINUTE_MS
        opposite = want_short if p.side > 0 else want_long
        if opposite and self.flip and not (self.flip_in_profit and self.net() <= 0):
            return "flip", -p.side, self.row
        if read["exitLong" if p.side > 0 else "exitShort"]:
            return "exit", "signal"
        if self.max_minutes is not None and held >= self.max_minutes:
            return "exit", "time_limit"
        if self.close_early and held >= self.close_early["afterMinutes"] and self.net() > 0:
            return "exit", "close_early"
        return None

    def reads(self, name):
        node = self.signals.get(name)
        return node is not None and self.series.holds(node, self.row, self.state)

    def state(self, field):
        p, c = self.position, self.candle
        if field == "barsSinceExit":
            return None if self.last_exit_row is None else float(self.row - self.last_exit_row)
        if field == "lastExitReason":
            return self.last_exit_reason
        if p is None:
            return None
        if field == "barsInTrade":
            return float(self.row - p.row)
        if field == "minutesInTrade":
            return (c.time + self.span - p.time) / MINUTE_MS
        if field == "openPnlPct":
            return 100 * p.side * (c.close - p.price) / p.price
        if field == "openR":
            return None if p.risk is None else p.side * (c.close - p.price) / p.risk
        if field == "maxFavourablePct":
            return 100 * p.side * (p.best - p.price) / p.price
        raise ValueError(field)

    def net(self):
        """Result of the trade if it were closed at this close, net of both fees."""
        p, close = self.position, self.candle.close
        return p.realised + p.side * p.left * (close - p.price) - p.left * close * self.taker

    def move_trail(self, p, price):
        """Moves the trail after the best price so far; it is tested from the next check on."""
        if not self.trail:
            return
        p.extreme = (max if p.side > 0 else min)(p.extreme, price)
        activation = self.trail.get("activationPct")
        if activation is not None:
            armed = p.price * (1 + p.side * activation / 100)
            if p.side * (p.extreme - armed) < 0:
                return
        if "pct" in self.trail:
            trail = p.extreme * (1 - p.side * self.trail["pct"] / 100)
        elif p.trail_distance is not None:
            trail = p.extreme - p.side * p.trail_distance
        else:
            return
        if p.trail is None or p.side * (trail - p.trail) > 0:
            p.trail = trail

    def follow(self):
        """Samples levels that follow again; they only tighten."""
        p = self.position
        if self.stop and self.stop.get("follow"):
            stop = self.level(self.stop, p.base, -p.side, self.row)
            if stop is not None and p.side * (stop - p.stop) > 0:
                p.stop = stop
        if self.target and self.target.get("follow"):
            target = self.level(self.target, p.base, p.side, self.row)
            if target is not None and p.side * (target - p.target) < 0:
                p.target = target

    def age_pending(self):
        order = self.pending
        if order is None:
            return
        expire = self.order.get("expireCandles")
        cancel = self.order.get("cancelIf")
        age = self.row - order["row"] + 1
        if expire is not None and age >= expire or cancel is not None and self.series.holds(
            cancel, self.row, self.state
        ):
            self.pending = None
            self.skipped["unfilled"] += 1

    # Marks and the end.

    def day(self, time):
        if self.calendar.startswith("session:"):
            zone = ZoneInfo(self.calendar.partition(":")[2])
            local = datetime.fromtimestamp(time / 1000, zone)
            time += int(local.utcoffset().total_seconds()) * 1000
        day = time // DAY_MS
        if self.calendar == "24x5":
            weekday = (day + 3) % 7
            day += {5: 2, 6: 1}.get(weekday, 0)
        return day * DAY_MS

    def value(self):
        p = self.position
        return self.cash + (p.side * p.left * self.candle.close if p else 0.0)

    def mark(self):
        self.equity.append(self.value())
        self.marks[self.day(self.candle.time)] = self.equity[-1]

    def end(self, due):
        if due and due[0] in ("enter", "flip"):
            self.skipped["lastCandle"] += 1
        if self.pending:
            self.skipped["unfilled"] += 1
        if self.position and self.close_at_end:
            self.close_market(self.candle.close, "end")
            self.equity[-1] = self.cash
            self.marks[self.day(self.candle.time)] = self.cash
