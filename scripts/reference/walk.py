"""The plain walk of ENGINE sections 2 to 4: candle by candle, nothing skipped, nothing fast."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, floor

from beside import Beside, finer_of, payments
from calendars import DAY_MS, day_of
from named import is_entry
from settings import Settings
from strategy import MINUTE_MS, Series, timeframe_minutes


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
    # Whether a payment may have come out of the margin.
    has_paid: bool = False
    # The stop that a partial exit has brought, if it follows.
    stop_after: dict | None = None

    def effective_stop(self):
        """The tighter of stop and trail, and its reason."""
        levels = [(self.stop, "stop_loss"), (self.trail, "trailing_stop")]
        levels = [level for level in levels if level[0] is not None]
        return max(levels, key=lambda level: self.side * level[0], default=(None, ""))


class Walk(Settings):
    def __init__(self, request, candles, start, warmup, beside=None):
        """`candles` are all that exist; the range begins at row `start` of them."""
        config = request["universalConfig"]
        self.minutes = timeframe_minutes(config["timeframe"])
        first = max(0, start - warmup)
        self.candles, self.start = candles[first:], start - first
        self.span = self.minutes * MINUTE_MS
        super().__init__(config)
        self.calendar = config.get("calendar", "24x7")
        self.whole_days = self.minutes >= 1440
        self.beside = beside or Beside()
        self.signals = signals_of(config["strategy"])
        self.series = self.all_series(config["strategy"].get("indicators", {}))
        if detail := config.get("detailTimeframe"):
            self.detail_minutes = timeframe_minutes(detail)
        self.payments = payments(self.funding, self.beside.rates, self.candles, self.span)
        self.paid = []
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
        # Whether a pending order has filled inside the candle that is traded.
        self.just_filled = False

    def all_series(self, named):
        first, last = self.candles[0].time, self.candles[-1].time + self.span
        ends = lambda candles: [c.time + self.span for c in candles]
        others = {}
        for ticker, candles in self.beside.others.items():
            seen = [c for c in candles if first <= c.time < last]
            others[ticker] = seen, ends(seen)
        return Series(
            self.candles, ends(self.candles), named, self.calendar, self.whole_days, others
        )

    # The order of one candle: funding, the open, inside, the close.

    def run(self):
        due = None
        for row in range(self.start, len(self.candles)):
            self.row, self.candle = row, self.candles[row]
            self.pay_before()
            self.at_open(due)
            self.pay_inside()
            self.inside()
            due = self.at_close()
            self.mark()
        self.finish(due)
        return self

    def pay_before(self):
        """What is due at this open, or was due after the last close."""
        o, last = self.candle.time, self.candles[self.row - 1] if self.row else None
        since = last.time + self.span if last else o
        for time, rate, mark in self.payments:
            if since <= time <= o:
                self.pay(time, rate, mark, self.candle.open if time == o or not last else last.close)

    def pay_inside(self):
        o = self.candle.time
        for time, rate, mark in self.payments:
            if o < time < o + self.span:
                self.pay(time, rate, mark, self.candle.open)

    def pay(self, time, rate, mark, price):
        p = self.position
        if p is None:
            return
        amount = -p.side * p.left * (price if mark is None else mark) * rate
        self.cash += amount
        p.realised += amount
        p.has_paid = True
        self.paid.append((time, amount, p.trade))

    def at_open(self, due):
        c = self.candle
        if self.position:
            # Where the levels of the whole candle come first, what is due at its open is lost.
            is_lost = bool(due) and not self.flip_first and any(self.touches())
            self.gaps(leaves=bool(due) and not is_lost)
            if is_lost:
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
        if leaves and self.gap == "withinCandle":
            return
        if self.beyond_liquidation(o):
            self.liquidate()
        elif stop is not None and p.side * (o - stop) <= 0:
            self.close_market(self.jumped(stop, -1), reason)
        elif self.reaches_target(o):
            adverse = self.candle.low if p.side > 0 else self.candle.high
            lost = None if self.target_at_open or leaves else self.loss_reached(adverse)
            if lost == "liquidation":
                self.liquidate()
            elif lost:
                self.stop_out()
            else:
                self.take_targets(o)

    def jumped(self, level, towards):
        """Where a level fills that the open has jumped over, a target (1) or a stop (-1)."""
        p, c = self.position, self.candle
        beyond = towards * p.side
        if beyond * (c.open - level) <= 0 or self.gap == "level":
            return level
        if self.gap == "withinCandle":
            # The candle's price that is nearest to the level, from beyond it.
            nearest = c.low if beyond > 0 else c.high
            if beyond * (nearest - level) <= 0:
                return level
            return nearest if towards > 0 else c.open
        return c.open

    def inside(self):
        if self.position is None:
            # An account that ends at the last open enters nothing after it.
            ends = self.end == "lastOpen" and self.row + 1 == len(self.candles)
            if self.pending and not ends and (price := self.pending_price()) is not None:
                self.fill_pending(price)
            return
        lost, hit = self.touches()
        if lost and hit and self.finer() and self.inside_finer(self.finer()):
            return
        self.settle(lost, hit)

    def touches(self):
        """What of the position's levels this candle reaches: the loss, and whether a target."""
        p, c = self.position, self.candle
        adverse, favourable = (c.low, c.high) if p.side > 0 else (c.high, c.low)
        # Where in its candle a pending order filled is not known: its target waits for the next.
        hit = self.levels_work() and not self.just_filled and self.reaches_target(favourable)
        return self.loss_reached(adverse), hit

    def settle(self, lost, hit):
        p, c = self.position, self.candle
        adverse, favourable = (c.low, c.high) if p.side > 0 else (c.high, c.low)
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

    # Finer candles.

    def finer(self):
        if not self.beside.detail:
            return None
        time = self.candles[self.row].time
        return finer_of(self.beside.detail, self.detail_minutes, time, self.span)

    def inside_finer(self, finer):
        """Trades the candle by its finer ones; False if these touch nothing."""
        own, before = self.candle, len(self.fills)
        for self.candle in finer:
            self.trade_finer()
            if self.position is None:
                break
        self.candle = own
        return len(self.fills) > before

    def trade_finer(self):
        """A finer candle is traded as a candle is: its open, then its inside."""
        if self.levels_work():
            self.gaps(leaves=False)
        if self.position:
            self.settle(*self.touches())

    def fill_pending(self, price):
        own, finer = self.candle, self.finer()
        reached = None
        for place, self.candle in enumerate(finer or []):
            if (found := self.pending_price()) is not None:
                reached, price = place, found
                break
        else:
            self.candle = own
        self.enter_pending(price)
        if self.position:
            self.just_filled = True
            self.settle(*self.touches())
            self.just_filled = False
        if reached is not None:
            for self.candle in finer[reached + 1 :]:
                if self.position:
                    self.trade_finer()
        self.candle = own

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
        # A pending order filled after the open, so its stop was not jumped over by it.
        self.close_market(stop if self.just_filled else self.jumped(stop, -1), reason)

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
            self.move_stop(exit)
        if p.target is not None and p.side * (reach - p.target) >= 0:
            self.leave(p.target, p.left)

    def move_stop(self, exit):
        """A stop that follows is not loosened by what a part asks for."""
        p = self.position
        if exit["then"] is None:
            return
        follows = self.stop and self.stop.get("follow")
        if p.stop is None or not follows or p.side * (exit["then"] - p.stop) > 0:
            p.stop = exit["then"]
        p.stop_after = exit["form"]

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
        if self.end == "lastOpen" and self.row + 1 == len(self.candles):
            why = "lastCandle"
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

    def pending_price(self):
        """Where this candle fills the pending order, before slippage; None if it does not."""
        order, c = self.pending, self.candle
        side, price = order["side"], order["price"]
        # A limit waits for a better price, a stop for a worse one.
        towards = -side if order["kind"] == "limit" else side
        extreme = c.high if towards > 0 else c.low
        if towards * (extreme - price) < 0:
            return None
        return (max if towards > 0 else min)(c.open, price)

    def enter_pending(self, price):
        order, self.pending = self.pending, None
        side = order["side"]
        if order["kind"] == "limit":
            self.open_position(side, order["signal"], self.on_tick(price, side), self.maker)
        else:
            self.open_position(side, order["signal"], self.slipped(price, side), self.taker)
        if self.position:
            self.position.is_pending_fill = True

    def open_position(self, side, signal, price, fee_rate):
        base = price if self.base_is_fill else self.candles[signal].close
        stop = self.level(self.stop, base, -side, signal)
        target = self.level(self.target, base, side, signal)
        exits = []
        for exit in self.exits:
            level = self.level(exit["target"], base, side, signal)
            form = then = exit.get("thenStop")
            if then == "entry":
                form, then = None, price
            elif then is not None:
                then = self.level(then, base, -side, signal)
            exits.append({"level": level, "pct": exit["closePct"], "then": then, "form": form,
                          "ask": exit["target"]})
        # Level by level; one that the strategy asks for but that is null gives no trade without it.
        wanted = [(self.stop, stop, -side), (self.target, target, side)]
        wanted += [(ask["target"], exit["level"], side) for ask, exit in zip(self.exits, exits)]
        for ask, level, direction in wanted:
            if ask is not None and level is None:
                self.skipped["noSize"] += 1
                return
            if ask is not None and direction * (level - price) <= 0 and not self.any_side:
                self.skipped["levelOnWrongSide"] += 1
                return
        time = self.candles[self.row].time
        p = Position(side, self.row, time, price, 0.0, 0.0, base, self.traded)
        p.stop, p.target, p.extreme, p.best = stop, target, price, price
        if self.trail and self.trail.get("distance") is not None:
            p.trail_distance = self.series.number(self.trail["distance"])[signal]
            if p.trail_distance is None:
                self.skipped["noSize"] += 1
                return
        self.move_trail(p, price)
        if p.trail is not None and side * (p.trail - price) >= 0 and not self.any_side:
            self.skipped["levelOnWrongSide"] += 1
            return
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
        self.fills.append(Fill(time, side, quantity, price, fee, "entry", p.trade))

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
            return equity * value / 100 / risk if risk else float("inf")
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
        rate = len(wins) / len(self.pnls)
        if not losses:
            return min(cap, 100 * rate)
        payoff = sum(wins) / len(wins) / (sum(losses) / len(losses))
        return max(0.0, min(cap, 100 * (rate - (1 - rate) / payoff)))

    # Exits.

    def bankruptcy(self):
        """The price at which the margin is gone; None if the position has no such price.

        Payments come out of what is free and then out of the margin: then it is where the account
        is empty, if that is nearer.
        """
        p = self.position
        if not self.liquidates:
            return None
        own = p.price * (1 - p.side / self.leverage)
        return self.nearer(own)

    def nearer(self, level):
        p = self.position
        if not p.has_paid:
            return level
        empty = -p.side * self.cash / p.left
        return p.side * max(p.side * level, p.side * empty)

    def liquidation_price(self):
        """None where no price can use up the margin: long without leverage."""
        p, leverage = self.position, self.leverage
        if not self.liquidates:
            return None
        own = p.price * (1 - p.side / leverage) / (1 - p.side * self.maintenance)
        price = self.nearer(own)
        return price if price > 0 else None

    def beyond_liquidation(self, price):
        level = self.liquidation_price()
        return level is not None and self.position.side * (price - level) <= 0

    def liquidate(self):
        self.book(self.bankruptcy(), "liquidation", 0.0, self.position.left)

    def close_market(self, price, reason):
        p = self.position
        self.book(self.slipped(price, -p.side), reason, self.taker, p.left)

    def leave(self, level, quantity):
        """A target: exact, or better at the open where that is beyond it already."""
        p = self.position
        price = self.on_tick(self.jumped(level, 1), -p.side)
        if quantity > 0:
            self.book(price, "take_profit", self.maker, quantity)

    def book(self, price, reason, fee_rate, quantity):
        p = self.position
        # Isolated margin: no exit loses more than it, whatever slippage and ticks ask for.
        bankruptcy = self.bankruptcy()
        if bankruptcy is not None:
            price = max(price, bankruptcy) if p.side > 0 else min(price, bankruptcy)
        if quantity >= p.left:
            # Nor does any lose more than the account.
            empty = -p.side * self.cash / quantity
            price = max(price, empty) if p.side > 0 else min(price, empty)
        fee = quantity * price * fee_rate
        # Equity never falls below zero: the exchange takes no fee from an empty account.
        fee = max(0.0, min(fee, self.cash + p.side * p.left * price))
        self.cash += p.side * quantity * price - fee
        p.realised += p.side * quantity * (price - p.price) - fee
        p.left -= quantity
        time = self.candles[self.row].time
        self.fills.append(Fill(time, -p.side, quantity, price, fee, reason, p.trade))
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
            if self.trail and self.trail.get("follow"):
                p.trail_distance = self.series.number(self.trail["distance"])[self.row]
            if self.trail_at_entry or p.row < self.row:
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
        if self.beside.column is not None:
            wanted = self.beside.column.get(self.candle.time, 0)
            return {
                "long": wanted == 1, "short": wanted == -1,
                "exitLong": wanted != 1, "exitShort": wanted != -1,
            }[name]
        node = self.signals.get(name)
        # To leave a long position is a signal for the short side.
        self.series.side = 1 if name in ("long", "exitShort") else -1
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
        if p.stop_after and p.stop_after.get("follow"):
            stop = self.level(p.stop_after, p.base, -p.side, self.row)
            if stop is not None and p.side * (stop - p.stop) > 0:
                p.stop = stop
        for exit in p.exits:
            if exit["ask"].get("follow"):
                target = self.level(exit["ask"], p.base, p.side, self.row)
                if target is not None and p.side * (target - exit["level"]) < 0:
                    exit["level"] = target

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
        return day_of(time, self.calendar, self.whole_days) * DAY_MS

    def value(self):
        p = self.position
        return self.cash + (p.side * p.left * self.candle.close if p else 0.0)

    def mark(self):
        self.equity.append(self.value())
        self.marks[self.day(self.candle.time)] = self.equity[-1]

    def finish(self, due):
        if due and due[0] in ("enter", "flip"):
            self.skipped["lastCandle"] += 1
        if self.pending:
            self.skipped["unfilled"] += 1
        if self.position and self.end != "mark":
            self.close_market(self.candle.close if self.end == "close" else self.candle.open, "end")
            self.equity[-1] = self.cash
            self.marks[self.day(self.candle.time)] = self.cash


def signals_of(strategy):
    """The four conditions; a scenario makes its entries."""
    signals = dict(strategy.get("signals", {}))
    if "scenario" not in strategy:
        return signals
    parts = []
    for signal in strategy["scenario"]:
        (name, args), = (signal if isinstance(signal, dict) else {signal: {}}).items()
        node = {name: args}
        if is_entry(name, args):
            node = {"within": [node, strategy.get("lookback", 1)]}
        parts.append(node)
    return {**signals, "long": {"all": parts}, "short": {"all": parts}}
