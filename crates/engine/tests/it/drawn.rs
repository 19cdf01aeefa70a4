//! Backtests drawn as text: candles with the signals of their closes, and the fills they give.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Control, Error, Extras, Input, Monitor, Run, run_batch};
use model::settings::{
    Costs, DataPolicy, FillRules, Funding, Instrument, Level, LevelForm, MoneyManagement, Risk,
    SeriesOverrides, Size,
};
use model::strategy::{Arg, CompareOp, Cond, Expr, Price, Signals};
use model::{
    Calendar, Candle, Candles, Digest, FundingRate, FundingRates, JobSpec, SeriesId, SkipReason,
    TimeRange, Timeframe,
};

/// Milliseconds in a minute: drawn candles are a minute apart.
pub(crate) const MINUTE_MS: i64 = 60_000;

/// One backtest.
#[derive(Clone)]
pub(crate) struct Drawn {
    pub(crate) candles: Candles,
    pub(crate) timeframe: Timeframe,
    pub(crate) calendar: Calendar,
    pub(crate) instrument: Instrument,
    pub(crate) spec: JobSpec,
    /// Finer candles.
    pub(crate) detail: Option<Candles>,
    pub(crate) funding: Option<FundingRates>,
}

/// Nobody looks.
pub(crate) struct Unwatched;

impl Monitor for Unwatched {
    fn progress(&self, _: usize, _: usize) -> Control {
        Control::Continue
    }
}

/// Candles "open high low close SIGNALS | ...": at the close, `L` long, `S` short, `l` exit long,
/// `s` exit short. A candle `-` is missing. Balance 1000, quantity 1, no fees.
pub(crate) fn drawn(text: &str) -> Drawn {
    let mut candles = Candles::default();
    for (text, minute) in text.split('|').zip(0..) {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words == ["-"] {
            continue;
        }
        let prices: Vec<f64> =
            words.iter().take(4).map(|word| word.parse().expect("a price")).collect();
        let [open, high, low, close] = prices[..] else { panic!("four prices in {text:?}") };
        let letters = words.get(4).copied().unwrap_or_default();
        let volume = letters.bytes().map(bit).sum::<u32>();
        let open_time_ms = minute * MINUTE_MS;
        candles.push(Candle { open_time_ms, open, high, low, close, volume: f64::from(volume) });
    }
    let end_ms = candles.open_time_ms.last().map_or(MINUTE_MS, |time_ms| time_ms + MINUTE_MS);
    let spec = spec(TimeRange { start_ms: 0, end_ms });
    let timeframe = Timeframe::MINUTE;
    Drawn {
        candles,
        timeframe,
        calendar: Calendar::EveryDay,
        instrument: Instrument::default(),
        spec,
        detail: None,
        funding: None,
    }
}

/// Signals of drawn candles are bits of their volume.
fn bit(letter: u8) -> u32 {
    match letter {
        b'L' => 1,
        b'S' => 2,
        b'l' => 4,
        b's' => 8,
        _ => panic!("no signal is called {:?}", char::from(letter)),
    }
}

/// Holds where the volume has the bit of `letter`.
pub(crate) fn signal(letter: u8) -> Cond {
    let with_bit = (0..16_u32).filter(|volume| volume & bit(letter) != 0);
    let equal =
        |volume| compare(CompareOp::Eq, Expr::Price(Price::Volume), number(f64::from(volume)));
    Cond::Any(with_bit.map(equal).collect())
}

pub(crate) fn number(value: f64) -> Expr {
    Expr::Number(Arg::Number(value))
}

pub(crate) fn compare(op: CompareOp, left: Expr, right: Expr) -> Cond {
    Cond::Compare { op, left, right }
}

pub(crate) fn pct(pct: f64) -> Level {
    Level { form: LevelForm::Pct(pct), follow: false }
}

/// A spec with the signals of drawn candles, quantity 1, no fees.
pub(crate) fn spec(range: TimeRange) -> JobSpec {
    JobSpec {
        series: SeriesId {
            exchange: "drawn".to_owned(),
            ticker: "TEST".to_owned(),
            timeframe: Timeframe::MINUTE,
        },
        range,
        signals: Arc::new(Signals {
            long: Some(signal(b'L')),
            short: Some(signal(b'S')),
            exit_long: Some(signal(b'l')),
            exit_short: Some(signal(b's')),
        }),
        signal_column: None,
        parameters: BTreeMap::new(),
        balance: 1_000.0,
        money_management: MoneyManagement {
            size: Size::FixedQuantity(1.0),
            ..MoneyManagement::default()
        },
        risk: Risk::default(),
        costs: Costs { maker_fee_pct: 0.0, taker_fee_pct: 0.0, ..Costs::default() },
        fill: FillRules::default(),
        overrides: SeriesOverrides::default(),
        data_policy: DataPolicy::default(),
        warmup: 256,
        key: Digest([0; 32]),
    }
}

impl Drawn {
    /// The same candles with other settings.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut JobSpec)) -> Drawn {
        edit(&mut self.spec);
        self
    }

    /// The same candles, each `minutes` long.
    pub(crate) fn of_minutes(mut self, minutes: u16) -> Drawn {
        let times = self.candles.open_time_ms.iter_mut();
        times.for_each(|time_ms| *time_ms *= i64::from(minutes));
        self.timeframe = Timeframe::from_minutes(minutes).expect("a timeframe");
        self.spec.series.timeframe = self.timeframe;
        self.spec.range.end_ms *= i64::from(minutes);
        self
    }

    /// With candles of a minute, drawn as [`drawn`] has them, that decide what came first.
    pub(crate) fn with_minutes(mut self, text: &str) -> Drawn {
        self.detail = Some(drawn(text).candles);
        self.spec.overrides.detail_timeframe = Some(Timeframe::MINUTE);
        self
    }

    /// With funding payments "minute rate mark, ..."; the mark may be left out.
    pub(crate) fn with_funding(mut self, text: &str) -> Drawn {
        let mut rates = FundingRates::default();
        for payment in text.split(',') {
            let mut words = payment.split_whitespace();
            let minute: i64 = words.next().and_then(|word| word.parse().ok()).expect("a minute");
            let mut numbers = words.map(|word| word.parse().expect("a number"));
            let rate = numbers.next().expect("a rate");
            let time_ms = minute * MINUTE_MS;
            rates.push(FundingRate { time_ms, rate, mark: numbers.next() }).expect("in order");
        }
        self.funding = Some(rates);
        self.spec.costs.funding = Funding::FromData;
        self
    }

    pub(crate) fn input(&self) -> Input<'_> {
        Input {
            candles: self.candles.as_slice(),
            timeframe: self.timeframe,
            range: self.spec.range,
            calendar: &self.calendar,
            instrument: self.instrument,
            missing: 0,
            extras: Extras {
                detail: self.detail.as_ref().map(Candles::as_slice),
                funding: self.funding.as_ref().map(FundingRates::as_slice),
                ..Extras::default()
            },
        }
    }

    pub(crate) fn try_run(&self) -> Result<Run, Error> {
        run_batch(&self.input(), &[&self.spec], &Unwatched).remove(0)
    }

    #[track_caller]
    pub(crate) fn run(&self) -> Run {
        self.try_run().expect("drawn backtests run")
    }

    /// Fills as "minute side quantity@price reason", the quantity only where it is not 1.
    #[track_caller]
    pub(crate) fn check(&self, expected: &[&str]) -> Run {
        let run = self.run();
        assert_eq!(fills(&run), expected);
        run
    }
}

pub(crate) fn fills(run: &Run) -> Vec<String> {
    let text = |fill: &model::Fill| {
        let minute = fill.time_ms / MINUTE_MS;
        let side = if fill.side == model::Side::Buy { "buy" } else { "sell" };
        let quantity = if (fill.quantity - 1.0).abs() < f64::EPSILON {
            String::new()
        } else {
            format!("{}@", fill.quantity)
        };
        let reason = format!("{:?}", fill.reason);
        format!("{minute} {side} {quantity}{} {reason}", fill.price)
    };
    run.outcome.fills.iter().map(text).collect()
}

/// Skipped entries as pairs, without reasons that did not occur.
pub(crate) fn skipped(run: &Run) -> Vec<(SkipReason, u64)> {
    run.outcome.counts.skipped.iter().map(|(reason, count)| (*reason, *count)).collect()
}
