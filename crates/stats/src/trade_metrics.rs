//! Metrics of the list of closed trades, of fees and of funding.

use model::{MINUTE_MS, PositionSide};

use crate::metrics::{MetricInput, Metrics};
use crate::moments::median;
use crate::reason::Undefined;
use crate::trades::Trade;

/// Tharp caps the number of trades in the system quality number here.
const SQN_CAP: f64 = 100.0;

/// Sums over a list of closed trades; a trade without result is neither won nor lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) count: usize,
    pub(crate) wins: usize,
    pub(crate) losses: usize,
    /// Sum of results above zero.
    pub(crate) won: f64,
    /// Sum of results below zero, as a positive number.
    pub(crate) lost: f64,
    pub(crate) net: f64,
}

impl Tally {
    pub(crate) fn of(results: impl Iterator<Item = f64>) -> Tally {
        let mut tally = Tally::default();
        for result in results {
            // Nobody can guess which it is, so adding nothing is faster than asking.
            let (win, loss) = (result > 0.0, result < 0.0);
            tally.count += 1;
            tally.net += result;
            tally.wins += usize::from(win);
            tally.won += if win { result } else { 0.0 };
            tally.losses += usize::from(loss);
            tally.lost -= if loss { result } else { 0.0 };
        }
        tally
    }

    /// The count as a divisor.
    pub(crate) fn count(&self) -> Result<f64, Undefined> {
        if self.count == 0 { Err(Undefined::NoTrades) } else { Ok(self.count as f64) }
    }

    pub(crate) fn win_rate(&self) -> Result<f64, Undefined> {
        Ok(self.wins as f64 / self.count()?)
    }

    pub(crate) fn expectancy(&self) -> Result<f64, Undefined> {
        Ok(self.net / self.count()?)
    }

    pub(crate) fn profit_factor(&self) -> Result<f64, Undefined> {
        self.count()?;
        if self.losses == 0 { Err(Undefined::NoLosses) } else { Ok(self.won / self.lost) }
    }

    /// Average win / average loss.
    pub(crate) fn payoff(&self) -> Result<f64, Undefined> {
        self.count()?;
        match (self.wins, self.losses) {
            (_, 0) => Err(Undefined::NoLosses),
            (0, _) => Err(Undefined::NoWins),
            (wins, losses) => Ok((self.won / wins as f64) / (self.lost / losses as f64)),
        }
    }

    pub(crate) fn kelly(&self) -> Result<f64, Undefined> {
        let win_rate = self.win_rate()?;
        Ok(win_rate - (1.0 - win_rate) / self.payoff()?)
    }

    pub(crate) fn expectancy_r(&self) -> Result<f64, Undefined> {
        Ok((1.0 + self.payoff()?) * self.win_rate()? - 1.0)
    }
}

/// System quality numbers of a list of closed trades.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    count: f64,
    mean: f64,
    /// Sample deviation of the results.
    sd: f64,
}

impl Quality {
    /// `tally` is that of the results of `trades`.
    pub(crate) fn of(trades: &[Trade], tally: &Tally) -> Result<Quality, Undefined> {
        let count = tally.count()?;
        if tally.count < 2 {
            return Err(Undefined::TooFewTrades);
        }
        let mean = tally.net / count;
        let (mut squares, mut largest) = (0.0, 0.0_f64);
        for trade in trades {
            let deviation = trade.pnl - mean;
            squares += deviation * deviation;
            largest = largest.max(trade.pnl.abs());
        }
        let sd = (squares / (count - 1.0)).sqrt();
        // Equal results differ by rounding only.
        if sd <= 1e-12 * largest {
            return Err(Undefined::NoVariance);
        }
        Ok(Quality { count, mean, sd })
    }

    /// sqrt(N) x mean / sample deviation of the results.
    pub(crate) fn number(&self) -> f64 {
        self.capped(f64::INFINITY)
    }

    /// As [`Quality::number`], but N is no more than `cap`.
    fn capped(&self, cap: f64) -> f64 {
        self.count.min(cap).sqrt() * self.mean / self.sd
    }
}

/// Puts every trade-level metric; `mean_equity` is that of the daily marks.
pub(crate) fn trade_metrics(metrics: &mut Metrics, input: &MetricInput<'_>, mean_equity: f64) {
    let trades = input.trades;
    let tally = Tally::of(trades.iter().map(|trade| trade.pnl));
    metrics.put("trades", Ok(tally.count as f64));
    metrics.put("winRate", tally.win_rate());
    metrics.put("profitFactor", tally.profit_factor());
    metrics.put("expectancy", tally.expectancy());
    metrics.put("expectancyR", tally.expectancy_r());
    metrics.put("payoff", tally.payoff());
    metrics.put("kelly", tally.kelly());
    let quality = Quality::of(trades, &tally);
    metrics.put("sqn", quality.map(|quality| quality.number()));
    metrics.put("sqnCapped", quality.map(|quality| quality.capped(SQN_CAP)));
    streaks(metrics, trades);
    holding(metrics, trades);
    extremes(metrics, trades, &tally);
    sides(metrics, trades);
    let (mut fees, mut traded) = (0.0, 0.0);
    for fill in input.fills {
        fees += fill.fee;
        traded += fill.quantity * fill.price;
    }
    metrics.put("feesPaid", Ok(fees));
    metrics.put("fundingPaid", Ok(-input.funding.iter().map(|event| event.amount).sum::<f64>()));
    metrics.put(
        "turnover",
        match input.marks {
            [] => Err(Undefined::NoDays),
            _ if mean_equity <= 0.0 => Err(Undefined::Ruined),
            _ => Ok(traded / mean_equity),
        },
    );
    let excursions = input.equity.excursions.filter(|_| tally.count > 0).ok_or(Undefined::NoTrades);
    metrics.put("mae", excursions.map(|excursions| excursions.mae_pct));
    metrics.put("mfe", excursions.map(|excursions| excursions.mfe_pct));
}

/// A trade without result neither extends nor ends a streak.
fn streaks(metrics: &mut Metrics, trades: &[Trade]) {
    let (mut wins, mut losses, mut best, mut worst) = (0_u32, 0_u32, 0, 0);
    for trade in trades {
        let (win, loss) = (trade.pnl > 0.0, trade.pnl < 0.0);
        wins = if loss { 0 } else { wins + u32::from(win) };
        losses = if win { 0 } else { losses + u32::from(loss) };
        best = best.max(wins);
        worst = worst.max(losses);
    }
    metrics.put("longestWinStreak", Ok(f64::from(best)));
    metrics.put("longestLossStreak", Ok(f64::from(worst)));
}

fn holding(metrics: &mut Metrics, trades: &[Trade]) {
    let minutes =
        |trade: &Trade| (trade.exit_time_ms - trade.entry_time_ms) as f64 / MINUTE_MS as f64;
    let mut minutes: Vec<f64> = trades.iter().map(minutes).collect();
    let average = Tally::of(minutes.iter().copied()).expectancy();
    metrics.put("avgHoldingMinutes", average);
    metrics.put("medianHoldingMinutes", average.map(|_| median(&mut minutes)));
}

fn extremes(metrics: &mut Metrics, trades: &[Trade], tally: &Tally) {
    let percents = || trades.iter().map(|trade| trade.return_pct);
    metrics.put("bestTradePct", percents().reduce(f64::max).ok_or(Undefined::NoTrades));
    metrics.put("worstTradePct", percents().reduce(f64::min).ok_or(Undefined::NoTrades));
    let mut top = [0.0_f64; 5];
    for trade in trades {
        let mut rest = trade.pnl;
        if rest <= top[4] {
            continue;
        }
        for place in &mut top {
            if rest > *place {
                std::mem::swap(place, &mut rest);
            }
        }
    }
    let share = |part: f64| match tally.wins {
        _ if tally.count == 0 => Err(Undefined::NoTrades),
        0 => Err(Undefined::NoWins),
        _ => Ok(part / tally.won),
    };
    metrics.put("topTradeProfitShare", share(top[0]));
    metrics.put("top5ProfitShare", share(top.iter().sum()));
}

fn sides(metrics: &mut Metrics, trades: &[Trade]) {
    let (mut long_trades, mut long_pnl, mut short_pnl) = (0_usize, 0.0, 0.0);
    for trade in trades {
        let is_long = trade.side == PositionSide::Long;
        long_trades += usize::from(is_long);
        long_pnl += if is_long { trade.pnl } else { 0.0 };
        short_pnl += if is_long { 0.0 } else { trade.pnl };
    }
    metrics.put("longTrades", Ok(long_trades as f64));
    metrics.put("shortTrades", Ok((trades.len() - long_trades) as f64));
    metrics.put("longPnl", Ok(long_pnl));
    metrics.put("shortPnl", Ok(short_pnl));
}
