//! Mends the stored candles of a series: what tools that are not ours have put there.

use std::fs;
use std::path::Path;

use model::{Candles, SeriesId};

use super::{ALL, ParquetStore, file, files, lock, path, read_if_there, target};
use crate::validate::{Expected, Findings, Fix, Inspector, MOST_ROWS, Mender};
use crate::{Clock, Error};

impl ParquetStore {
    /// Mends a series in the ways that `fix` names and returns what it then is.
    ///
    /// Files are replaced one by one, each whole. Holds the whole series in memory. Fails, and
    /// changes nothing, where faults remain. Blocks.
    pub fn mend(&self, series: &SeriesId, fix: Fix, clock: &Clock) -> Result<Findings, Error> {
        let folder = self.inner.folder(series);
        let _lock = lock(&folder)?;
        let calendar = self.settings(series)?.map(|(calendar, _)| calendar).unwrap_or_default();
        let (timeframe, now_ms) = (series.timeframe, clock.now_ms());
        let expected = Expected { timeframe, calendar, now_ms };
        let mut mender = Mender::new(&expected, fix);
        let many = || Error::Unreadable {
            path: folder.clone(),
            reason: format!("more than {MOST_ROWS} rows cannot be mended"),
        };
        let old = files(&folder)?;
        let mut row = 0;
        for segment in &old {
            let candles = read_if_there(&path(&folder, *segment), ALL)?;
            let columns = candles.as_slice();
            for index in 0..columns.len() {
                row += 1;
                if !mender.push(row, Ok(columns.candle(index))) {
                    return Err(many());
                }
            }
        }
        let (rows, mended) = mender.finish().ok_or_else(many)?;
        let mut inspector = Inspector::new(&expected);
        let mut candles = Candles::default();
        for (row, candle) in rows {
            let is_good = inspector.look(row, candle);
            if let Ok(candle) = candle
                && (is_good || candle.open_time_ms <= now_ms)
            {
                candles.push(candle);
            }
        }
        let mut findings = inspector.finish();
        if findings.bad() > 0 {
            return Ok(findings);
        }
        findings.mended = Some(mended);
        replace(&folder, series, &candles, &old)?;
        Ok(findings)
    }
}

/// Makes `candles` all that a series has.
fn replace(
    folder: &Path,
    series: &SeriesId,
    candles: &Candles,
    old: &[crate::Segment],
) -> Result<(), Error> {
    let columns = candles.as_slice();
    let mut written = Vec::new();
    let mut from = 0;
    while from < columns.len() {
        let segment = target(folder, series.timeframe, columns.open_time_ms[from])?;
        let to = columns.lower_bound(segment.range().end_ms);
        file::write(&path(folder, segment), columns.rows(from..to))?;
        written.push(segment);
        from = to;
    }
    for segment in old.iter().filter(|segment| !written.contains(segment)) {
        let path = path(folder, *segment);
        fs::remove_file(&path).map_err(Error::file("remove", &path))?;
    }
    Ok(())
}
