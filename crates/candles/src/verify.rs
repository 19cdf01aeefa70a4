//! Checks what a source holds, row by row, as an import checks a file.

use std::sync::Arc;

use model::{CandleSlice, TimeRange};

use crate::validate::{Expected, Findings, Inspector};
use crate::{CandleSource, Clock, Error, Progress, Segment, SeriesInfo};

/// Looks at every candle of a series; holds one segment in memory.
///
/// Rows count from 1 over the whole series. A source that refuses its own candles
/// ([`Error::BadCandles`]) is reported with the fault that it names.
pub async fn verify(
    source: &dyn CandleSource,
    series: &SeriesInfo,
    clock: &Clock,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Findings, Error> {
    let (timeframe, calendar) = (series.id.timeframe, series.calendar.clone());
    let expected = Arc::new(Expected { timeframe, calendar, now_ms: clock.now_ms() });
    let mut inspector = Inspector::new(&expected);
    let mut refused = Vec::new();
    let range = TimeRange { start_ms: series.first_ms, end_ms: series.last_ms.saturating_add(1) };
    let mut row = 0;
    for segment in Segment::covering(timeframe, range) {
        let candles = match source.load(&series.id, segment).await {
            Ok(candles) => candles,
            Err(Error::BadCandles { fault, .. }) => {
                refused.push(fault);
                continue;
            }
            Err(error) => return Err(error),
        };
        row = look(&mut inspector, candles.as_slice(), row);
        progress(Progress { done: row, total: series.count });
    }
    let mut findings = inspector.finish();
    for fault in refused {
        findings.add_fault(fault);
    }
    Ok(findings)
}

/// Looks at all rows of `candles`, numbered after `row`; returns the last number.
pub(crate) fn look(inspector: &mut Inspector<'_>, candles: CandleSlice<'_>, row: u64) -> u64 {
    for index in 0..candles.len() {
        inspector.look(row + index as u64 + 1, Ok(candles.candle(index)));
    }
    row + candles.len() as u64
}
