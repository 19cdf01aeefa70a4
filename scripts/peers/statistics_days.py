"""Numbers of days beside quantstats, empyrical and backtesting.py: see statistics.sh."""

import sys
import warnings

import empyrical
import numpy as np
import pandas as pd
import quantstats.stats as qs

import backtesting_py_trades
import engine
import golden

warnings.filterwarnings("ignore")


def dated(series, returns):
    first = series.time_ms[0] // 86_400_000 * 86_400_000
    if series.calendar == "session":
        index = pd.to_datetime(series.time_ms, unit="ms")
    else:
        index = pd.to_datetime(first + 86_400_000 * np.arange(len(returns)), unit="ms")
    return pd.Series(returns, index=index)


def same_definition(r, p):
    """Ours by id beside the two libraries with the same days a year."""
    return {
        "empyrical": {
            "totalReturn": empyrical.cum_returns_final(r),
            "cagr": empyrical.annual_return(r, annualization=p),
            "volatility": empyrical.annual_volatility(r, annualization=p),
            "sharpe": empyrical.sharpe_ratio(r, annualization=p),
            "sortino": empyrical.sortino_ratio(r, annualization=p),
            "maxDrawdownDaily": empyrical.max_drawdown(r),
            "calmar": empyrical.calmar_ratio(r, annualization=p),
            "omega": empyrical.omega_ratio(r, annualization=p),
            "var95": empyrical.value_at_risk(r),
            "cvar95": empyrical.conditional_value_at_risk(r),
            "tailRatio": empyrical.tail_ratio(r),
            "stability": empyrical.stability_of_timeseries(r),
        },
        "quantstats": {
            "totalReturn": qs.comp(r),
            "cagr": qs.cagr(r, periods=p),
            "volatility": qs.volatility(r, periods=p),
            "sharpe": qs.sharpe(r, periods=p),
            "sortino": qs.sortino(r, periods=p),
            "maxDrawdownDaily": qs.max_drawdown(r),
            "calmar": qs.calmar(r, periods=p),
            "ulcerIndex": qs.ulcer_index(r),
            "upi": qs.ulcer_performance_index(r),
            "skew": qs.skew(r),
            "kurtosis": qs.kurtosis(r),
            "var95Gaussian": qs.value_at_risk(r),
        },
    }


def quantstats_defaults(r):
    return {
        "totalReturn": qs.comp(r), "cagr": qs.cagr(r), "volatility": qs.volatility(r), "sharpe": qs.sharpe(r),
        "sortino": qs.sortino(r), "maxDrawdown": qs.max_drawdown(r), "calmar": qs.calmar(r),
        "ulcerIndex": qs.ulcer_index(r), "upi": qs.ulcer_performance_index(r),
        "recoveryFactor": qs.recovery_factor(r), "var95": qs.value_at_risk(r), "tailRatio": qs.tail_ratio(r),
        "skew": qs.skew(r), "kurtosis": qs.kurtosis(r), "winRate": qs.win_rate(r),
        "profitFactor": qs.profit_factor(r), "omega": qs.omega(r), "payoff": qs.payoff_ratio(r),
        "kelly": qs.kelly_criterion(r), "exposure": qs.exposure(r),
    }


def backtesting_py(stats):
    share = {
        "totalReturn": "Return [%]", "annualReturn": "Return (Ann.) [%]", "cagr": "CAGR [%]",
        "volatility": "Volatility (Ann.) [%]", "maxDrawdown": "Max. Drawdown [%]",
        "exposure": "Exposure Time [%]", "winRate": "Win Rate [%]",
    }
    plain = {
        "sharpe": "Sharpe Ratio", "sortino": "Sortino Ratio", "calmar": "Calmar Ratio", "trades": "# Trades",
        "profitFactor": "Profit Factor", "expectancyPct": "Expectancy [%]", "sqn": "SQN", "kelly": "Kelly Criterion",
    }
    out = {name: stats[key] / 100 for name, key in share.items()}
    out |= {name: stats[key] for name, key in plain.items()}
    out["drawdownDurationDays"] = stats["Max. Drawdown Duration"] / pd.Timedelta(days=1)
    return out


def main():
    found = golden.Differences(1e-9)
    for series, case in golden.runs():
        run = f"{series.name}, {case.name}"
        answer = engine.document(series, case, None, options=("--profile", "quantstats"))
        r = dated(series, answer["dailyReturns"])
        for peer, numbers in same_definition(r, answer["settings"]["periodsPerYear"]).items():
            for name, theirs in numbers.items():
                found.add(run, f"{peer}, ours", name, answer["metrics"][name], theirs)
        column = answer["profile"]["quantstats"]
        for name, theirs in quantstats_defaults(r).items():
            found.add(run, "quantstats, its column", name, column.get(name), theirs)
        answer = engine.document(series, case, "backtestingPy", 1, options=("--profile", "backtestingPy"))
        column = answer["profile"]["backtestingPy"]
        stats = backtesting_py_trades.run(series, case)
        for name, theirs in backtesting_py(stats).items():
            found.add(run, "backtesting.py, its column", name, column.get(name), theirs)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
