"""The settings of a request, with defaults and short forms filled in."""

# The switches that a profile sets, as its peer has them.
PROFILES = {
    "backtestingPy": {
        "levelBase": "signalClose", "openBeyondTarget": "stopAtLevel",
        "wrongSideLevel": "enter", "liquidation": "leveraged",
    },
    "vectorbt": {
        "openBeyondTarget": "stopAtLevel", "flipVsStop": "stopFirst", "stopOnEntryCandle": False,
        "trailStart": "nextCandle", "liquidation": "leveraged",
    },
    "freqtrade": {
        "openBeyondTarget": "stopAtLevel", "gap": "withinCandle", "end": "lastOpen",
        "liquidation": "leveraged",
    },
}


class Settings:
    def __init__(self, config):
        money, risk = config.get("moneyManagement", {}), config.get("risk", {})
        costs, fill = config.get("costs", {}), config.get("fill", {})
        fill = {**PROFILES.get(fill.get("profile"), {}), **fill}
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
        self.funding = costs.get("funding", "none")
        self.both_touched = fill.get("bothTouched", "stopFirst")
        self.target_at_open = fill.get("openBeyondTarget", "targetAtOpen") == "targetAtOpen"
        self.flip_first = fill.get("flipVsStop", "flipFirst") == "flipFirst"
        self.gap = fill.get("gap", "open")
        self.entry_candle = fill.get("stopOnEntryCandle", True)
        self.base_is_fill = fill.get("levelBase", "entryFill") == "entryFill"
        self.trail_extreme = fill.get("trailingBase", "extreme") == "extreme"
        self.trail_at_entry = fill.get("trailStart", "entryCandle") == "entryCandle"
        self.any_side = fill.get("wrongSideLevel", "skip") == "enter"
        # Without leverage no price but 0 uses up the margin of a long; a short may be let off.
        self.liquidates = self.leverage > 1 or fill.get("liquidation", "always") == "always"
        self.end = fill.get("end", "mark")
        self.tick = instrument.get("tickSize", 0)
        # Steps and minimums of quantity count contracts.
        contract = instrument.get("contractMultiplier", 1)
        self.lot = instrument.get("lotStep", 0) * contract
        self.min_quantity = instrument.get("minQuantity", 0) * contract
        self.min_notional = instrument.get("minNotional", 0)
