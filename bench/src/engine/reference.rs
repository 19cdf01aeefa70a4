//! The loop that a careful person would write by hand for this one strategy, as section 8 of the
//! engine's contract has it: averages, crosses, then every candle with equity and drawdown.
//!
//! It knows the rules of the default fill settings only (market entries at the next open, gaps at
//! the open, stop before target) and writes no fills, marks or metrics. Its buffers are there
//! before the clock starts.

use model::CandleSlice;

use crate::load::{BALANCE, FEE, STOP, TARGET};

/// Buffers of a run.
#[derive(Default)]
pub(crate) struct Reference {
    averages: Vec<Vec<f64>>,
    signals: Vec<i8>,
    equity: Vec<f64>,
}

/// What a run found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub(crate) trades: usize,
    pub(crate) final_equity: f64,
    pub(crate) max_drawdown: f64,
}

impl Reference {
    /// One backtest over all `candles`, traded from row `first`.
    pub(crate) fn single(
        &mut self,
        candles: CandleSlice<'_>,
        first: usize,
        (fast, slow): (usize, usize),
    ) -> Found {
        self.signals(candles, (fast, slow));
        trade(candles, first, &self.signals, &mut self.equity)
    }

    /// A backtest of each pair; each average is computed once.
    pub(crate) fn sweep(
        &mut self,
        candles: CandleSlice<'_>,
        first: usize,
        (fasts, slows): (&[usize], &[usize]),
    ) -> Vec<Found> {
        self.prepare(candles.len(), fasts.len() + slows.len());
        for (n, average) in fasts.iter().chain(slows).zip(&mut self.averages) {
            ema(candles.close, *n, average);
        }
        let (fast_averages, slow_averages) = self.averages.split_at(fasts.len());
        let mut found = Vec::with_capacity(fasts.len() * slows.len());
        for fast in fast_averages {
            for (n, slow) in slows.iter().zip(slow_averages) {
                crosses(fast, slow, *n, &mut self.signals);
                found.push(trade(candles, first, &self.signals, &mut self.equity));
            }
        }
        found
    }

    /// Where the averages of the pair cross: 1 upwards, -1 downwards.
    pub(crate) fn signals(
        &mut self,
        candles: CandleSlice<'_>,
        (fast, slow): (usize, usize),
    ) -> &[i8] {
        self.prepare(candles.len(), 2);
        let [fast_average, slow_average] = &mut self.averages[..] else { unreachable!("two") };
        ema_pair(candles.close, (fast, fast_average), (slow, slow_average));
        crosses(fast_average, slow_average, slow, &mut self.signals);
        &self.signals
    }

    fn prepare(&mut self, rows: usize, averages: usize) {
        self.averages.resize(averages, Vec::new());
        self.averages.iter_mut().for_each(|average| average.resize(rows, 0.0));
        self.signals.resize(rows, 0);
        self.equity.resize(rows, 0.0);
    }
}

fn seed(close: &[f64], n: usize) -> f64 {
    close[..n].iter().sum::<f64>() / n as f64
}

fn ema(close: &[f64], n: usize, average: &mut [f64]) {
    let factor = 2.0 / (n as f64 + 1.0);
    let mut value = seed(close, n);
    average[n - 1] = value;
    for (average, close) in average[n..].iter_mut().zip(&close[n..]) {
        value += factor * (close - value);
        *average = value;
    }
}

/// Both averages in one loop: neither waits for the other.
fn ema_pair(close: &[f64], fast: (usize, &mut [f64]), slow: (usize, &mut [f64])) {
    let ((fast_n, fast), (slow_n, slow)) = (fast, slow);
    ema(&close[..slow_n], fast_n, &mut fast[..slow_n]);
    let factors = [fast_n, slow_n].map(|n| 2.0 / (n as f64 + 1.0));
    let mut values = [fast[slow_n - 1], seed(close, slow_n)];
    slow[slow_n - 1] = values[1];
    let rows = fast[slow_n..].iter_mut().zip(&mut slow[slow_n..]).zip(&close[slow_n..]);
    for ((fast, slow), close) in rows {
        values[0] += factors[0] * (close - values[0]);
        values[1] += factors[1] * (close - values[1]);
        (*fast, *slow) = (values[0], values[1]);
    }
}

/// 1 where `fast` crosses above `slow`, -1 where it crosses below; defined from row `n`.
fn crosses(fast: &[f64], slow: &[f64], n: usize, signals: &mut [i8]) {
    signals[..n].fill(0);
    for row in n..signals.len() {
        let up = fast[row - 1] <= slow[row - 1] && fast[row] > slow[row];
        let down = fast[row - 1] >= slow[row - 1] && fast[row] < slow[row];
        signals[row] = i8::from(up) - i8::from(down);
    }
}

/// The account: cash, and what is held at which levels.
struct Account {
    cash: f64,
    /// 1 long, -1 short, 0 flat.
    side: i8,
    /// The same as a number.
    sign: f64,
    quantity: f64,
    stop: f64,
    target: f64,
    trades: usize,
}

impl Account {
    fn enter(&mut self, side: i8, price: f64) {
        self.side = side;
        self.sign = f64::from(side);
        self.quantity = self.cash / (1.0 + FEE) / price;
        self.cash -= self.sign * self.quantity * price + self.quantity * price * FEE;
        self.stop = price * (1.0 - self.sign * STOP);
        self.target = price * (1.0 + self.sign * TARGET);
    }

    fn leave(&mut self, price: f64) {
        self.cash += self.sign * self.quantity * price - self.quantity * price * FEE;
        (self.side, self.quantity) = (0, 0.0);
        self.trades += 1;
    }

    /// Whether `price` has reached the stop.
    fn lost(&self, price: f64) -> bool {
        self.sign * price <= self.sign * self.stop
    }

    /// Whether `price` has reached the target.
    fn won(&self, price: f64) -> bool {
        self.sign * price >= self.sign * self.target
    }
}

fn trade(candles: CandleSlice<'_>, first: usize, signals: &[i8], equity: &mut [f64]) -> Found {
    let mut account = Account {
        cash: BALANCE,
        side: 0,
        sign: 0.0,
        quantity: 0.0,
        stop: 0.0,
        target: 0.0,
        trades: 0,
    };
    let (mut due, mut peak, mut max_drawdown) = (0, BALANCE, 0.0_f64);
    let CandleSlice { open, high, low, close, .. } = candles;
    for row in first..candles.len() {
        if account.side != 0 && (due != 0 || account.lost(open[row]) || account.won(open[row])) {
            account.leave(open[row]);
        }
        if due != 0 {
            account.enter(due, open[row]);
        }
        if account.side != 0 {
            let (adverse, favourable) =
                if account.side > 0 { (low[row], high[row]) } else { (high[row], low[row]) };
            if account.lost(adverse) {
                account.leave(account.stop);
            } else if account.won(favourable) {
                account.leave(account.target);
            }
        }
        let value = account.cash + account.sign * account.quantity * close[row];
        equity[row] = value;
        if value > peak {
            peak = value;
        }
        max_drawdown = max_drawdown.min(value / peak - 1.0);
        let signal = signals[row];
        due = if signal == account.side { 0 } else { signal };
    }
    let final_equity = equity[candles.len() - 1];
    Found { trades: account.trades, final_equity, max_drawdown }
}
