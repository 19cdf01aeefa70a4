"""freqtrade's backtesting beside `fill.profile: freqtrade`: see freqtrade.sh.

Its engine runs as it is; only the exchange is a stand-in, since a real one is asked for its markets
over the network. Signals reach it as columns, so all that is compared is what it makes of them.
"""

import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock, patch

import pandas as pd
from freqtrade.enums import CandleType, MarginMode
from freqtrade.exchange import Exchange
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

import engine
import series as candles
import strategies
from table import Table

STAKE = 100_000.0
PAIR = {"spot": "AAA/USDT", "futures": "AAA/USDT:USDT"}
logging.disable(logging.CRITICAL)


class Coded(IStrategy):
    """Enters and leaves by columns; `use` sets the rest."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {}
    stoploss = -0.99
    startup_candle_count = 0
    disable_dataframe_checks = True
    order_types = {"entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": False}
    order_time_in_force = {"entry": "GTC", "exit": "GTC"}
    columns = None

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        long, short, _, _ = self.columns
        dataframe["enter_long"], dataframe["enter_short"] = long.astype(int), short.astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        _, _, exit_long, exit_short = self.columns
        dataframe["exit_long"], dataframe["exit_short"] = exit_long.astype(int), exit_short.astype(int)
        return dataframe


def config(case, mode, folder, timeframe):
    return {
        "stake_currency": "USDT", "stake_amount": STAKE, "dry_run": True, "dry_run_wallet": engine.BALANCE,
        "max_open_trades": 1, "tradable_balance_ratio": 1.0, "amend_last_stake_amount": False,
        "last_stake_amount_min_ratio": 0.5, "trading_mode": mode, "margin_mode": "isolated" if mode == "futures" else "",
        "candle_type_def": CandleType.get_default(mode), "fee": case.fee_pct / 100,
        "exchange": {"name": "binance", "pair_whitelist": [PAIR[mode]], "pair_blacklist": []},
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
        "pairlists": [{"method": "StaticPairList"}], "runmode": "backtest", "strategy": "Coded",
        "timeframe": timeframe, "timerange": "", "export": "none", "dataformat_ohlcv": "feather",
        "user_data_dir": Path(folder), "datadir": Path(folder), "exportdirectory": Path(folder),
        "unfilledtimeout": {"entry": 10, "exit": 10}, "original_config": {}, "internals": {},
    }


def stand_in(mode):
    market = {
        "id": "AAA", "symbol": PAIR[mode], "base": "AAA", "quote": "USDT", "settle": "USDT",
        "active": True, "spot": mode == "spot", "swap": mode == "futures", "linear": mode == "futures",
        "type": "spot" if mode == "spot" else "swap", "contractSize": 1, "maker": 0, "taker": 0,
        "precision": {"price": 1e-12, "amount": 1e-12},
        "limits": {"amount": {"min": 0, "max": None}, "cost": {"min": 0, "max": None},
                   "leverage": {"min": 1, "max": 1}},
        "info": {},
    }
    exchange = MagicMock(spec=Exchange)
    exchange.name, exchange.id, exchange.precisionMode, exchange.precision_mode_price = "Stand-in", "binance", 4, 4
    exchange.margin_mode, exchange.trading_mode = MarginMode.ISOLATED, mode
    exchange.markets = {PAIR[mode]: market}
    exchange.get_fee.return_value = 0
    exchange.get_min_pair_stake_amount.return_value = 0
    exchange.get_max_pair_stake_amount.return_value = float("inf")
    exchange.get_max_leverage.return_value = 1.0
    exchange.get_pair_base_currency.return_value = "AAA"
    exchange.get_pair_quote_currency.return_value = "USDT"
    exchange.get_contract_size.return_value = 1
    exchange.get_precision_amount.return_value = None
    exchange.get_precision_price.return_value = None
    exchange.get_liquidation_price.return_value = None
    exchange.dry_run_liquidation_price.return_value = None
    exchange.get_option.return_value = 1000
    exchange.get_proxy_coin.return_value = "USDT"
    exchange.calculate_funding_fees.return_value = 0.0
    exchange.ohlcv_candle_limit.return_value = 1000
    return exchange


def cleaned(series, case):
    """Where an opposite entry flips, freqtrade is told to leave by an exit of its own.

    An exit beside an entry of the same side does not act there; `cleaned` has none such, but a
    conflict or a dropped entry leaves exits alone.
    """
    long, short, exit_long, exit_short = case.cleaned()
    return long, short, exit_long | short, exit_short | long


def roi(case):
    """The return net of both fees at which the price has reached the target."""
    fee, move = case.fee_pct / 100, case.target_pct / 100
    if case.direction == "short":
        return 1 - (1 - move) * (1 + fee) / (1 - fee)
    return (1 + move) * (1 - fee) / (1 + fee) - 1


def staked(case):
    """The case with a fixed stake; where both sides trade to a target, without fees: `roi` differs."""
    mixed = case.direction == "both" and case.target_pct
    return replace(case, quote=STAKE, size_pct=100, fee_pct=0.0 if mixed else case.fee_pct)


def cases(series):
    for case in strategies.cases(series):
        if case.follow is None and case.trail_pct is None:
            yield staked(case)


def results(series, case):
    """The trades of its run, as it lists them."""
    mode = "spot" if case.direction == "long" else "futures"
    frame = pd.DataFrame({
        "date": pd.to_datetime(series.time_ms, unit="ms", utc=True), "open": series.open, "high": series.high,
        "low": series.low, "close": series.close, "volume": 1.0,
    })
    Coded.columns = cleaned(series, case)
    Coded.stoploss = -case.stop_pct / 100 if case.stop_pct else -0.99
    Coded.minimal_roi = {"0": roi(case)} if case.target_pct else {"0": 1000.0}
    Coded.can_short = mode == "futures"
    module = "freqtrade.optimize.backtesting"
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(StrategyResolver, "_load_strategy", lambda name, config, extra_dir: Coded(config)),
        patch(f"{module}.PairListManager") as pairs,
        patch(f"{module}.validate_config_consistency"),
        patch(f"{module}.migrate_data"),
    ):
        pairs.return_value.whitelist = [PAIR[mode]]
        test = Backtesting(config(case, mode, folder, series.timeframe), exchange=stand_in(mode))
        test._set_strategy(test.strategylist[0])
        test.futures_data, test.funding_fee_timeframe_secs = {PAIR[mode]: None}, 3600
        data = test.strategy.advise_all_indicators({PAIR[mode]: frame})
        return test.backtest(data, frame["date"].iloc[0], frame["date"].iloc[-1])["results"]


def theirs(series, case):
    trades = [
        engine.Trade(int(row.open_date.timestamp() * 1000), int(row.close_date.timestamp() * 1000),
                     row.amount * (-1 if row.is_short else 1), row.open_rate, row.close_rate, row.profit_abs)
        for row in results(series, case).itertuples()
    ]
    return engine.Result(trades, {})


def main(names):
    table = Table("freqtrade")
    for series in candles.reals() + candles.hard():
        if names and not any(name in series.name for name in names):
            continue
        for case in cases(series):
            ours = engine.ours(series, case, "freqtrade")
            table.add(series, case, ours, theirs(series, case))
    table.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
