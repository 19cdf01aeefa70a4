//! Settings of a backtest: money management, risk, costs, fill rules, instrument.
//!
//! Plain data as resolved: defaults filled, ranges checked by whoever made it (`bundle`).
//! All but [`DataPolicy`] are part of the spec key.

mod peer;

use std::num::NonZeroU32;

use crate::Timeframe;
use crate::strategy::Expr;

pub use peer::{Liquidation, TrailStart, WrongSideLevel};

/// Which sides may be entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowedSides {
    /// Long and short.
    #[default]
    Both,
    /// Long only.
    Long,
    /// Short only.
    Short,
}

/// A stop or target level of a trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// How it is computed.
    pub form: LevelForm,
    /// Whether it is sampled again at each close and ratchets, effective from the next candle.
    pub follow: bool,
}

/// How a level is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum LevelForm {
    /// Percent of the level base, (0, 100) for stops and (0, 10000) for targets.
    Pct(f64),
    /// Distance from the level base, in quote.
    Distance(Expr),
    /// The price itself, in quote.
    Price(Expr),
}

/// A trailing stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// Distance of the trail: percent of the extreme, or an expression in quote.
    pub form: LevelForm,
    /// Whether the expression is sampled again at each close; else it is that of the signal candle.
    pub follow: bool,
    /// Percent of favourable move from the entry that arms it; `None` arms it at once.
    pub activation_pct: Option<f64>,
}

/// One partial exit.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialExit {
    /// Where it fills.
    pub target: Level,
    /// Share of the initial quantity that it closes, percent in (0, 100].
    pub close_pct: f64,
    /// Where the stop of the rest moves afterwards.
    pub then_stop: Option<ThenStop>,
}

/// Where the stop moves after a partial exit.
#[derive(Clone, Debug, PartialEq)]
pub enum ThenStop {
    /// To the entry price (break-even before fees).
    Entry,
    /// To a level.
    Level(Level),
}

/// How much is bought or sold at an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Percent of equity put up as margin, fee included, (0, 100].
    PercentOfBalance(f64),
    /// Notional in quote, > 0.
    FixedQuote(f64),
    /// Quantity in base, > 0.
    FixedQuantity(f64),
    /// Percent of equity lost if the stop fills at its level, (0, 100].
    RiskPct(f64),
    /// Kelly fraction of the trades closed so far, capped; `start` before 30 trades. Percents.
    Kelly {
        /// Highest percent of equity.
        cap: f64,
        /// Percent of equity before 30 trades are closed.
        start: f64,
    },
}

/// Group `moneyManagement`.
#[derive(Clone, Debug, PartialEq)]
pub struct MoneyManagement {
    /// Stop; `stopLossPct` is sugar for `{pct}`.
    pub stop: Option<Level>,
    /// Target; `takeProfitPct` is sugar for `{pct}`.
    pub target: Option<Level>,
    /// Trailing stop; `trailingStopPct` is sugar for `{pct}`.
    pub trail: Option<Trail>,
    /// Partial exits, at most 4.
    pub exits: Vec<PartialExit>,
    /// Position size.
    pub size: Size,
    /// Leverage, [1, 200].
    pub leverage: f64,
    /// Maintenance margin, percent of notional.
    pub maintenance_margin_pct: f64,
}

impl Default for MoneyManagement {
    fn default() -> MoneyManagement {
        MoneyManagement {
            stop: None,
            target: None,
            trail: None,
            exits: Vec::new(),
            size: Size::PercentOfBalance(100.0),
            leverage: 1.0,
            maintenance_margin_pct: 0.5,
        }
    }
}

/// How long trading stops after a streak of losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// To the end of the calendar day.
    Day,
    /// For a number of candles.
    Candles(NonZeroU32),
    /// To the end of the backtest.
    Forever,
}

/// A limit on losses in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossStreak {
    /// Losing trades in a row that start the pause.
    pub max: NonZeroU32,
    /// How long no entry is made.
    pub pause: Pause,
}

/// How an entry is ordered.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum EntryOrder {
    /// At the next open.
    #[default]
    Market,
    /// At a limit price or better, placed at the next open.
    Limit(PendingEntry),
    /// Once the price reaches a stop price, placed at the next open.
    Stop(PendingEntry),
}

/// A pending entry.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingEntry {
    /// Price, sampled on the signal candle, in quote.
    pub price: Expr,
    /// Candles after which it expires; `None` = never.
    pub expire_candles: Option<NonZeroU32>,
    /// Condition at a close that withdraws it.
    pub cancel_if: Option<crate::strategy::Cond>,
}

/// Group `risk`.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// Whether an opposite signal closes and reverses the position.
    pub flip_position: bool,
    /// Whether a flip needs a profit, net of both fees, at the signal close.
    pub flip_only_in_profit: bool,
    /// Sides that may be entered.
    pub direction: AllowedSides,
    /// Candles after an exit candle whose opens take no entry; flips are exempt.
    pub cooldown_candles: u32,
    /// Limit on losses in a row.
    pub loss_streak: Option<LossStreak>,
    /// Clock minutes after the entry fill at which the position is closed.
    pub max_position_minutes: Option<NonZeroU32>,
    /// Clock minutes after which a close with net profit ends the trade.
    pub close_early_after_minutes: Option<u32>,
    /// How entries are ordered.
    pub entry_order: EntryOrder,
}

impl Default for Risk {
    fn default() -> Risk {
        Risk {
            flip_position: true,
            flip_only_in_profit: false,
            direction: AllowedSides::Both,
            cooldown_candles: 0,
            loss_streak: None,
            max_position_minutes: None,
            close_early_after_minutes: None,
            entry_order: EntryOrder::Market,
        }
    }
}

/// Funding payments of a perpetual.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Funding {
    /// None.
    #[default]
    None,
    /// From the funding series beside the candles.
    FromData,
    /// The same rate each time.
    Constant {
        /// Percent of the position's value, [-10, 10]; a long position pays a positive rate.
        rate_pct: f64,
        /// Due at each multiple of these hours of the UTC day; they divide 24.
        every_hours: NonZeroU32,
    },
}

/// Group `costs`. `feePct` sets both fees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Fee of limit entries and targets, percent of notional, [0, 10].
    pub maker_fee_pct: f64,
    /// Fee of market fills, percent of notional, [0, 10].
    pub taker_fee_pct: f64,
    /// Market fills are worse by this, basis points of price, [0, 1000].
    pub slippage_bps: f64,
    /// Market fills are worse by half of this, basis points of price, [0, 1000].
    pub spread_bps: f64,
    /// Funding payments.
    pub funding: Funding,
}

impl Default for Costs {
    fn default() -> Costs {
        Costs {
            maker_fee_pct: 0.1,
            taker_fee_pct: 0.1,
            slippage_bps: 0.0,
            spread_bps: 0.0,
            funding: Funding::None,
        }
    }
}

/// When an entry fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryFill {
    /// At the open of the candle after the signal.
    #[default]
    NextOpen,
}

/// Which level fills when a candle touches both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BothTouched {
    /// The stop.
    #[default]
    StopFirst,
    /// The target.
    TargetFirst,
    /// Open -> nearer extreme -> other extreme -> close.
    Path,
}

/// What happens when a candle opens beyond the target and touches the stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenBeyondTarget {
    /// The target fills at the open (order of time).
    #[default]
    TargetAtOpen,
    /// The stop fills at its level, as some peers have it.
    StopAtLevel,
}

/// Which comes first when a flip is due at the open of a candle that touches the old stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlipVsStop {
    /// The flip, at the open.
    #[default]
    FlipFirst,
    /// The stop, and the flip is lost.
    StopFirst,
}

/// Where a level fills that the open has jumped over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GapFill {
    /// At the open, for and against the trader.
    #[default]
    Open,
    /// At the level.
    Level,
    /// At the level where the candle holds it; a stop beyond the whole candle at the open, a target
    /// beyond it at the candle's nearest price. An exit due at the open comes first.
    WithinCandle,
}

/// The price that level percents count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LevelBase {
    /// The entry fill, after slippage.
    #[default]
    EntryFill,
    /// The close of the signal candle.
    SignalClose,
}

/// What moves a trailing stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingBase {
    /// The candle's high or low.
    #[default]
    Extreme,
    /// The candle's close.
    Close,
}

/// What happens to a position that is open at the end of the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RangeEnd {
    /// It stays open and is marked at the last close.
    #[default]
    Mark,
    /// It is closed at the last close.
    Close,
    /// It is closed at the last open, after the stops and targets of that candle; no entry is made
    /// there.
    LastOpen,
}

/// A peer whose fill rules are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillProfile {
    /// backtesting.py.
    BacktestingPy,
    /// vectorbt.
    Vectorbt,
    /// freqtrade.
    Freqtrade,
}

/// Group `fill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillRules {
    /// When an entry fills.
    pub entry: EntryFill,
    /// Which level fills when a candle touches both.
    pub both_touched: BothTouched,
    /// A candle that opens beyond the target and touches the stop.
    pub open_beyond_target: OpenBeyondTarget,
    /// A flip due at the open of a candle that touches the old stop.
    pub flip_vs_stop: FlipVsStop,
    /// Where a jumped level fills.
    pub gap: GapFill,
    /// Whether the entry candle itself may hit the stop or target.
    pub stop_on_entry_candle: bool,
    /// The price that level percents count from.
    pub level_base: LevelBase,
    /// What moves a trailing stop.
    pub trailing_base: TrailingBase,
    /// The first candle that moves a trailing stop.
    pub trail_start: TrailStart,
    /// A stop or target on the wrong side of the entry fill.
    pub wrong_side_level: WrongSideLevel,
    /// Which positions can be liquidated.
    pub liquidation: Liquidation,
    /// A position that is open at the end.
    pub end: RangeEnd,
    /// The peer whose rules were asked for; the other fields already hold its values.
    pub profile: Option<FillProfile>,
    /// Whether ambiguous candles are run both ways and the spread reported.
    pub sensitivity: bool,
}

impl Default for FillRules {
    fn default() -> FillRules {
        FillRules {
            entry: EntryFill::NextOpen,
            both_touched: BothTouched::StopFirst,
            open_beyond_target: OpenBeyondTarget::TargetAtOpen,
            flip_vs_stop: FlipVsStop::FlipFirst,
            gap: GapFill::Open,
            stop_on_entry_candle: true,
            level_base: LevelBase::EntryFill,
            trailing_base: TrailingBase::Extreme,
            trail_start: TrailStart::EntryCandle,
            wrong_side_level: WrongSideLevel::Skip,
            liquidation: Liquidation::Always,
            end: RangeEnd::Mark,
            profile: None,
            sensitivity: false,
        }
    }
}

/// Kind of instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstrumentKind {
    /// Bought and sold outright.
    #[default]
    Spot,
    /// A perpetual future.
    Perpetual,
}

/// Trading rules of an instrument; 0 turns a step or minimum off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instrument {
    /// Spot or perpetual.
    pub kind: InstrumentKind,
    /// Price step, in quote.
    pub tick_size: f64,
    /// Quantity step, in base.
    pub lot_step: f64,
    /// Smallest quantity, in base.
    pub min_quantity: f64,
    /// Smallest notional, in quote.
    pub min_notional: f64,
    /// Base units per contract.
    pub contract_multiplier: f64,
}

impl Default for Instrument {
    fn default() -> Instrument {
        Instrument {
            kind: InstrumentKind::Spot,
            tick_size: 0.0,
            lot_step: 0.0,
            min_quantity: 0.0,
            min_notional: 0.0,
            contract_multiplier: 1.0,
        }
    }
}

/// What to do where candles are missing; in no key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataPolicy {
    /// Whether a range whose ends are not covered runs anyway.
    pub allow_uncovered_ends: bool,
    /// Whether a gap inside the range fails the job.
    pub fail_on_gaps: bool,
    /// Whether a correction of the candles is followed instead of failing `data_changed`.
    pub follow_latest: bool,
}

/// Settings that a request may leave to the series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesOverrides {
    /// Trading rules.
    pub instrument: Option<Instrument>,
    /// Finer candles that resolve ambiguous ones.
    pub detail_timeframe: Option<Timeframe>,
    /// Day grid.
    pub calendar: Option<crate::Calendar>,
    /// Periods in a year, for annualising daily numbers.
    pub periods_per_year: Option<f64>,
    /// Risk-free rate, percent a year.
    pub risk_free_pct: Option<f64>,
}

/// What a series says of itself, after the request's overrides: part of every data hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesSettings {
    /// Day grid.
    pub calendar: crate::Calendar,
    /// Trading rules.
    pub instrument: Instrument,
    /// Periods in a year; `None` = those of the calendar.
    pub periods_per_year: Option<f64>,
}

impl SeriesOverrides {
    /// The settings of `series` where the request does not set them.
    ///
    /// A request that sets the calendar alone takes that calendar's periods, not the series' own.
    #[must_use]
    pub fn resolve(&self, series: &SeriesSettings) -> SeriesSettings {
        let own_periods = if self.calendar.is_some() { None } else { series.periods_per_year };
        let calendar = self.calendar.clone().unwrap_or_else(|| series.calendar.clone());
        let periods = self.periods_per_year.or(own_periods);
        SeriesSettings {
            periods_per_year: Some(periods.unwrap_or_else(|| calendar.periods_per_year())),
            calendar,
            instrument: self.instrument.unwrap_or(series.instrument),
        }
    }
}
