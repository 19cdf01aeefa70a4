//! Everything the honesty panel says about one sweep: how much of the best result is luck.

use serde::Serialize;

use crate::luck::{
    LuckBar, SharpeSample, deflated_benchmark, effective_variants, luck_bar, mean_correlation,
    sharpe_deviation,
};
use crate::metrics::{Metrics, risk_free_per_period};
use crate::pbo::{Pbo, default_blocks, pbo};
use crate::reason::Undefined;
use crate::verdict::{Judgement, Variant, judge, winner};

/// A sweep over one range and calendar.
#[derive(Clone, Copy, Debug)]
pub struct SweepInput<'a> {
    /// The variants that have returns, in order of their number; all over the same days.
    pub variants: &'a [Variant<'a>],
    /// N: every variant evaluated for the bundle, those that failed included.
    pub evaluated: u64,
    /// P: days in a year of the calendar.
    pub periods_per_year: f64,
    /// Risk-free rate, percent a year.
    pub risk_free_pct: f64,
}

/// What is known about a sweep; what is `None` has its reason in `numbers.undefined`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Honesty {
    /// N.
    pub evaluated: u64,
    /// Variants that have a Sharpe ratio.
    pub with_sharpe: usize,
    /// Index of the winner among the variants.
    pub winner: Option<usize>,
    /// `sharpe` of the winner (annual), its `psr`, `minTrl` (days), `dsr` with N and the measured
    /// deviation of the Sharpe ratios, `sharpeDeviation` (per day), `meanCorrelation`,
    /// `effectiveVariants`, and `dsrEffective` with those and a deviation of 1 / sqrt(n - 1).
    pub numbers: Metrics,
    /// The two lines of the Sharpe axis (`luckBar` in `undefined`).
    pub luck_bar: Option<LuckBar>,
    /// The verdict (`judgement` in `undefined`).
    pub judgement: Option<Judgement>,
    /// PBO (`pbo` in `undefined`).
    pub pbo: Option<Pbo>,
}

/// Measures a sweep. Costs about 0.1 ms per variant at 16 blocks, most of it PBO.
///
/// # Panics
/// If the returns of the variants differ in length.
pub fn honesty(input: &SweepInput<'_>) -> Honesty {
    let mut numbers = Metrics::default();
    let risk_free = risk_free_per_period(input.risk_free_pct, input.periods_per_year);
    let columns: Vec<&[f64]> = input.variants.iter().map(|variant| variant.returns).collect();
    let best = winner(input.variants, risk_free);
    let samples = columns.iter().map(|returns| SharpeSample::of(returns, risk_free));
    let sharpes: Vec<f64> = samples.flatten().map(|sample| sample.sharpe).collect();
    let sample = best.ok_or(Undefined::NoVariance);
    let sample = sample.and_then(|best| SharpeSample::of(columns[best], risk_free));
    let deviation = sharpe_deviation(&sharpes);
    let correlation = mean_correlation(&columns);
    let effective = correlation.map(|rho| effective_variants(rho, input.evaluated));
    numbers.put("sharpe", sample.map(|sample| sample.sharpe * input.periods_per_year.sqrt()));
    numbers.put("psr", sample.map(|sample| sample.psr(0.0)));
    numbers.put("minTrl", sample.and_then(|sample| sample.min_track_record(0.0, 0.95)));
    numbers.put("sharpeDeviation", deviation);
    numbers.put("meanCorrelation", correlation);
    numbers.put("effectiveVariants", effective);
    numbers.put("dsr", deflated(sample, deviation, Ok(input.evaluated as f64)));
    let noise = sample.map(|sample| 1.0 / ((sample.count - 1) as f64).sqrt());
    numbers.put("dsrEffective", deflated(sample, noise, effective));
    let rows = columns.first().map_or(0, |column| column.len());
    let bar = luck_bar(input.evaluated, rows, input.periods_per_year);
    let judged = best.ok_or(Undefined::NoVariance);
    let judged = judged.and_then(|best| judge(&input.variants[best], input.evaluated, risk_free));
    Honesty {
        evaluated: input.evaluated,
        with_sharpe: sharpes.len(),
        winner: best,
        luck_bar: keep(&mut numbers, "luckBar", bar),
        judgement: keep(&mut numbers, "judgement", judged),
        pbo: keep(&mut numbers, "pbo", pbo(&columns, default_blocks(rows))),
        numbers,
    }
}

/// DSR: PSR against the Sharpe ratio that luck is expected to show.
fn deflated(
    sample: Result<SharpeSample, Undefined>,
    deviation: Result<f64, Undefined>,
    variants: Result<f64, Undefined>,
) -> Result<f64, Undefined> {
    Ok(sample?.psr(deflated_benchmark(deviation?, variants?)))
}

fn keep<T>(numbers: &mut Metrics, id: &'static str, value: Result<T, Undefined>) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(reason) => {
            numbers.put(id, Err(reason));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{PERIODS, assert_close, panel_b};
    use crate::verdict::Verdict;

    fn measure(panel: &[Vec<f64>], evaluated: u64) -> Honesty {
        let benchmark = vec![0.0; panel.first().map_or(0, Vec::len)];
        let variants: Vec<_> = panel
            .iter()
            .map(|returns| Variant { returns, benchmark: &benchmark, trades: 100 })
            .collect();
        let variants = &variants;
        honesty(&SweepInput { variants, evaluated, periods_per_year: PERIODS, risk_free_pct: 0.0 })
    }

    #[test]
    fn panel_b_is_a_fine_sharpe_that_deflates() {
        let found = measure(&panel_b(), 20);
        let values = &found.numbers.values;
        assert_eq!((found.winner, found.with_sharpe), (Some(17), 20));
        assert_close(values["sharpe"], 1.446_428_409_726_959);
        assert_close(values["psr"], 0.993_686_247_743_826_5);
        assert_close(values["dsr"], 0.771_387_890_427_129);
        assert_eq!(found.pbo.unwrap().blocks, 16);
        assert_eq!(found.judgement.unwrap().verdict, Verdict::Luck);
        assert!(values["effectiveVariants"] <= 20.0 && values["dsrEffective"] < values["psr"]);
        assert!(found.numbers.undefined.is_empty());
    }

    #[test]
    fn failed_variants_count_in_n() {
        let (few, many) = (measure(&panel_b(), 20), measure(&panel_b(), 2_000));
        assert!(many.numbers.values["dsr"] < few.numbers.values["dsr"]);
        assert!(many.luck_bar.unwrap().line95 > few.luck_bar.unwrap().line95);
    }

    #[test]
    fn what_cannot_be_said_has_its_reason() {
        let none = measure(&[], 3);
        assert_eq!((none.winner, none.luck_bar, none.judgement), (None, None, None));
        let undefined = &none.numbers.undefined;
        assert_eq!(undefined["sharpe"], "no_variance");
        assert_eq!(undefined["luckBar"], "too_few_returns");
        assert_eq!(undefined["pbo"], "too_few_variants");
        let one = measure(&panel_b()[..1], 1).numbers.undefined;
        assert_eq!((one["dsr"], one["dsrEffective"]), ("too_few_variants", "too_few_variants"));
        let flat = measure(&[vec![0.0; 40], vec![0.0; 40]], 2);
        assert_eq!((flat.winner, flat.pbo.unwrap().pbo.to_bits()), (None, 1.0_f64.to_bits()));
    }
}
