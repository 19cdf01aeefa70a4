//! Which data stood where: records of loads, corrections, the pins of bundles.

use std::collections::BTreeMap;

use model::Digest;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Postgres;
use crate::failure::retrying;
use crate::payload::whole;
use crate::rows::{CorrectionRecord, KnownRecord};
use crate::{
    CorrectedSegment, Correction, DataVersion, Error, HeldSegment, KnownData, Pin, Pinned,
    SegmentHash,
};

/// Needs in one question; bounds the memory of its parameters.
const CHUNK: usize = 10_000;

/// Segments as parameters.
struct Columns<'a> {
    series: Vec<&'a str>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(segments: impl Iterator<Item = &'a SegmentHash> + Clone) -> Columns<'a> {
        Columns {
            series: segments.clone().map(|it| it.series.as_str()).collect(),
            starts: segments.clone().map(|it| it.start).collect(),
            ends: segments.clone().map(|it| it.end).collect(),
            hashes: segments.map(|it| &it.hash.0[..]).collect(),
        }
    }
}

/// Holds a bundle that is being stored to what its standing results were computed on.
pub(super) async fn insert_pins(
    conn: &mut PgConnection,
    bundle: Uuid,
    pins: &[Pin],
) -> Result<(), Error> {
    let mut by_source = BTreeMap::<&str, Vec<&SegmentHash>>::new();
    for pin in pins {
        by_source.entry(&pin.source).or_default().push(&pin.segment);
    }
    for (source, segments) in by_source {
        let columns = Columns::of(segments.iter().copied());
        let query = sqlx::query(include_str!("sql/pin_segments.sql")).bind(bundle).bind(source);
        let query = query.bind(columns.series).bind(columns.starts).bind(columns.hashes);
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

impl Postgres {
    pub(super) async fn find_data(
        &self,
        needs: &[Digest],
    ) -> Result<BTreeMap<Digest, KnownData>, Error> {
        let mut found = BTreeMap::new();
        for chunk in needs.chunks(CHUNK) {
            let needs: Vec<&[u8]> = chunk.iter().map(|need| &need.0[..]).collect();
            let query = sqlx::query_as(include_str!("sql/known_data.sql")).bind(needs);
            let rows: Vec<KnownRecord> = query.fetch_all(&self.pool).await?;
            found.extend(rows.into_iter().map(|KnownRecord(it)| (it.version.need, it)));
        }
        Ok(found)
    }

    pub(super) async fn write_data(&self, versions: &[DataVersion]) -> Result<(), Error> {
        let needs: BTreeMap<Digest, &DataVersion> =
            versions.iter().map(|version| (version.need, version)).collect();
        let all = || needs.values();
        let parts: Vec<String> = all().map(|it| crate::payload::text_of(&it.parts)).collect();
        let segments: Vec<String> = all().map(|it| crate::payload::text_of(&it.segments)).collect();
        retrying(async || {
            let query = sqlx::query(include_str!("sql/record_data.sql"));
            let query = query.bind(all().map(|it| &it.need.0[..]).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| it.source.as_str()).collect::<Vec<_>>());
            let query = query.bind(&parts).bind(all().map(|it| &it.hash.0[..]).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| whole(it.revision)).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| it.closed).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| it.covered).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| whole(it.missing)).collect::<Vec<_>>());
            let query = query.bind(all().map(|it| &it.fingerprint.0[..]).collect::<Vec<_>>());
            query.bind(&segments).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    pub(super) async fn list_corrections(
        &self,
        source: &str,
        series: &str,
    ) -> Result<Vec<Correction>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_corrections.sql"));
        let rows: Vec<CorrectionRecord> =
            query.bind(source).bind(series).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|CorrectionRecord(it)| it).collect())
    }

    pub(super) async fn list_sources(&self) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/list_sources.sql"));
        Ok(query.fetch_all(&self.pool).await?)
    }

    pub(super) async fn correct_segments(
        &self,
        source: &str,
        segments: &[CorrectedSegment],
    ) -> Result<(), Error> {
        let mut segments = segments.to_vec();
        segments.sort_unstable();
        segments.dedup_by(|left, right| (&left.series, left.start) == (&right.series, right.start));
        retrying(async || {
            let query = sqlx::query(include_str!("sql/correct_segments.sql")).bind(source);
            let query =
                query.bind(segments.iter().map(|it| it.series.as_str()).collect::<Vec<_>>());
            let query = query.bind(segments.iter().map(|it| it.start).collect::<Vec<_>>());
            let query = query.bind(segments.iter().map(|it| it.end).collect::<Vec<_>>());
            query.execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    pub(super) async fn pin_bundle(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        let mut held = held.to_vec();
        held.sort_unstable();
        held.dedup_by(|left, right| {
            (&left.segment.series, left.segment.start)
                == (&right.segment.series, right.segment.start)
        });
        retrying(|| self.try_pin(bundle, source, &held, latest)).await
    }

    async fn try_pin(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        let columns = Columns::of(held.iter().map(|it| &it.segment));
        let mut tx = self.pool.begin().await?;
        let query = sqlx::query(include_str!("sql/record_segments.sql")).bind(source);
        let query = query.bind(&columns.series).bind(&columns.starts).bind(&columns.ends);
        let revisions: Vec<i64> = held.iter().map(|it| whole(it.revision)).collect();
        query.bind(&columns.hashes).bind(revisions).execute(&mut *tx).await?;
        let query = sqlx::query_scalar(include_str!("sql/find_outdated.sql")).bind(source);
        let query = query.bind(&columns.series).bind(&columns.starts).bind(&columns.hashes);
        if query.fetch_one(&mut *tx).await? {
            return Ok(Pinned::Outdated);
        }
        let text = if latest {
            include_str!("sql/repin_segments.sql")
        } else {
            include_str!("sql/pin_segments.sql")
        };
        let query = sqlx::query(text).bind(bundle).bind(source);
        let query = query.bind(&columns.series).bind(&columns.starts).bind(&columns.hashes);
        query.execute(&mut *tx).await?;
        let query = sqlx::query_as(include_str!("sql/find_changed.sql")).bind(bundle).bind(source);
        let query = query.bind(&columns.series).bind(&columns.starts).bind(&columns.hashes);
        let changed: Option<(String, i64)> = query.fetch_optional(&mut *tx).await?;
        // What is on record stays, also for a bundle that began on something else.
        tx.commit().await?;
        let changed = changed.and_then(|(series, start)| {
            held.iter().find(|it| it.segment.series == series && it.segment.start == start)
        });
        Ok(changed.map_or(Pinned::Same, |it| Pinned::Changed(it.segment.clone())))
    }
}
