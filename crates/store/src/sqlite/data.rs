//! Which data stood where: records of loads, corrections, the pins of bundles.

use std::collections::BTreeMap;

use model::Digest;
use serde_json::Value;
use uuid::Uuid;

use super::{Sqlite, Write, hex, now};
use crate::payload::{text_of, whole};
use crate::rows::{CorrectionRecord, KnownRecord};
use crate::{
    CorrectedSegment, Correction, DataVersion, Error, HeldSegment, KnownData, Pin, Pinned,
    SegmentHash,
};

/// Needs in one question; bounds the memory of its parameter.
const CHUNK: usize = 10_000;

impl Write {
    /// Holds a bundle that is being stored to what its standing results were computed on.
    pub(super) async fn insert_pins(&mut self, bundle: Uuid, pins: &[Pin]) -> Result<(), Error> {
        for pin in pins {
            self.pin_segment(bundle, &pin.source, &pin.segment, false).await?;
        }
        Ok(())
    }

    /// Pins a segment; says whether the one pinned is this one.
    async fn pin_segment(
        &mut self,
        bundle: Uuid,
        source: &str,
        segment: &SegmentHash,
        latest: bool,
    ) -> Result<bool, Error> {
        let query = sqlx::query_scalar(include_str!("sql/pin_segment.sql")).bind(bundle);
        let query = query.bind(source).bind(&segment.series).bind(segment.start);
        let query = query.bind(&segment.hash.0[..]).bind(latest);
        let pinned: Vec<u8> = query.fetch_one(&mut *self.tx).await?;
        Ok(pinned == segment.hash.0)
    }

    /// Puts a held segment on record; says whether it is older than what is there.
    async fn record_segment(&mut self, source: &str, held: &HeldSegment) -> Result<bool, Error> {
        let HeldSegment { segment, revision } = held;
        let query = sqlx::query(include_str!("sql/record_segment.sql")).bind(source);
        let query = query.bind(&segment.series).bind(segment.start).bind(segment.end);
        let query = query.bind(&segment.hash.0[..]).bind(whole(*revision));
        query.execute(&mut *self.tx).await?;
        let query = sqlx::query_scalar(include_str!("sql/is_outdated.sql")).bind(source);
        let query = query.bind(&segment.series).bind(segment.start).bind(&segment.hash.0[..]);
        Ok(query.fetch_one(&mut *self.tx).await?)
    }
}

impl Sqlite {
    pub(super) async fn find_data(
        &self,
        needs: &[Digest],
    ) -> Result<BTreeMap<Digest, KnownData>, Error> {
        let mut found = BTreeMap::new();
        let mut conn = self.reader.acquire().await?;
        let now = now(&mut conn).await?;
        for chunk in needs.chunks(CHUNK) {
            let list: Value = chunk.iter().map(hex).collect();
            let query = sqlx::query_as(include_str!("sql/known_data.sql")).bind(list.to_string());
            let rows: Vec<KnownRecord> = query.bind(now).fetch_all(&mut *conn).await?;
            found.extend(rows.into_iter().map(|KnownRecord(it)| (it.version.need, it)));
        }
        Ok(found)
    }

    pub(super) async fn write_data(&self, versions: &[DataVersion]) -> Result<(), Error> {
        let mut write = self.begin().await?;
        for version in versions {
            let query = sqlx::query(include_str!("sql/record_data.sql")).bind(&version.need.0[..]);
            let query = query.bind(&version.source).bind(text_of(&version.parts));
            let query = query.bind(&version.hash.0[..]).bind(whole(version.revision));
            let query = query.bind(version.closed).bind(version.covered);
            let query = query.bind(whole(version.missing)).bind(&version.fingerprint.0[..]);
            let query = query.bind(text_of(&version.segments)).bind(write.now);
            query.execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(())
    }

    pub(super) async fn list_corrections(
        &self,
        source: &str,
        series: &str,
    ) -> Result<Vec<Correction>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_corrections.sql"));
        let rows: Vec<CorrectionRecord> =
            query.bind(source).bind(series).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|CorrectionRecord(it)| it).collect())
    }

    pub(super) async fn list_sources(&self) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/list_sources.sql"));
        Ok(query.fetch_all(&self.reader).await?)
    }

    pub(super) async fn correct_segments(
        &self,
        source: &str,
        segments: &[CorrectedSegment],
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        for segment in segments {
            let query = sqlx::query(include_str!("sql/correct_segment.sql")).bind(source);
            let query = query.bind(&segment.series).bind(segment.start).bind(segment.end);
            query.execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(())
    }

    pub(super) async fn pin_bundle(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        let mut write = self.begin().await?;
        let mut is_outdated = false;
        for held in held {
            is_outdated |= write.record_segment(source, held).await?;
        }
        if is_outdated {
            return Ok(Pinned::Outdated);
        }
        let mut changed = None;
        for HeldSegment { segment, .. } in held {
            if !write.pin_segment(bundle, source, segment, latest).await? {
                changed = changed.or_else(|| Some(segment.clone()));
            }
        }
        write.tx.commit().await?;
        Ok(changed.map_or(Pinned::Same, Pinned::Changed))
    }
}
