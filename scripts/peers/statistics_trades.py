"""freqtrade's numbers of trades beside `--profile freqtrade`: see statistics.sh."""

import sys

import pandas as pd
from freqtrade.data import metrics

import engine
import freqtrade_trades
import golden


def numbers(trades, series):
    first, last = (pd.to_datetime(series.time_ms[row], unit="ms", utc=True) for row in (0, -1))
    total = trades["profit_abs"].sum()
    won, lost = (trades["profit_abs"].clip(**side).sum() for side in ({"lower": 0}, {"upper": 0}))
    of_range = trades, first, last, engine.BALANCE
    expectancy, ratio = metrics.calculate_expectancy(trades)
    drawdown = metrics.calculate_max_drawdown(trades, value_col="profit_abs", starting_balance=engine.BALANCE)
    return {
        "totalReturn": total / engine.BALANCE,
        "cagr": metrics.calculate_cagr((last - first).days, engine.BALANCE, engine.BALANCE + total),
        "sharpe": metrics.calculate_sharpe(*of_range),
        "sortino": metrics.calculate_sortino(*of_range),
        "calmar": metrics.calculate_calmar(*of_range),
        "maxDrawdown": -drawdown.relative_account_drawdown,
        "sqn": metrics.calculate_sqn(trades, engine.BALANCE),
        "trades": len(trades),
        "winRate": (trades["profit_abs"] > 0).mean(),
        "profitFactor": won / -lost,
        "expectancy": expectancy,
        "expectancyR": ratio,
    }


def main():
    found = golden.Differences(1e-9)
    for series, case in golden.runs():
        if series.name == "series A":
            continue
        case = freqtrade_trades.staked(case)
        answer = engine.document(series, case, "freqtrade", options=("--profile", "freqtrade"))
        column = answer["profile"]["freqtrade"]
        trades = freqtrade_trades.results(series, case)
        for name, theirs in numbers(trades, series).items():
            # It rounds this one to four digits.
            tolerance = 1e-3 if name == "sqn" else None
            run = f"{series.name}, {case.name}"
            found.add(run, "freqtrade, its column", name, column.get(name), theirs, tolerance)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
