//! The books: every job of every accepted bundle has exactly one counted outcome.

use std::time::Duration;

use anyhow::ensure;
use testkit::{postgres, wait};

use crate::load::Load;

/// What must find nothing once everything has ended.
const FAULTS: [(&str, &str); 7] = [
    (
        "counts that differ from the jobs",
        "SELECT b.id FROM bundle b JOIN (
            SELECT bundle_id, sum(completed) AS completed, sum(failed) AS failed,
                sum(cancelled) AS cancelled, sum(cached) AS cached, sum(running) AS running
            FROM bundle_slot GROUP BY bundle_id
        ) s ON s.bundle_id = b.id JOIN (
            SELECT bundle_id, count(*) AS total, count(DISTINCT seq) AS seqs,
                count(*) FILTER (WHERE status = 2) AS completed,
                count(*) FILTER (WHERE status = 3) AS failed,
                count(*) FILTER (WHERE status = 4) AS cancelled,
                count(*) FILTER (WHERE cached) AS cached
            FROM job GROUP BY bundle_id
        ) j ON j.bundle_id = b.id
        WHERE (j.total, j.seqs, s.completed, s.failed, s.cancelled, s.cached, s.running)
            <> (b.total, b.total, j.completed, j.failed, j.cancelled, j.cached, 0)
            OR s.completed + s.failed + s.cancelled <> b.total",
    ),
    ("bundles without an end", "SELECT id FROM bundle WHERE finished_at IS NULL OR status < 3"),
    ("jobs without an end", "SELECT id FROM job WHERE status < 2 OR finished_at IS NULL"),
    (
        "completed jobs without a result",
        "SELECT id FROM job WHERE status = 2
            AND NOT EXISTS (SELECT 1 FROM result WHERE result.key = job.result_key)",
    ),
    ("outcomes that differ for one key", "SELECT key FROM result_conflict"),
    ("progress of jobs that do not run", "SELECT job_id FROM job_progress"),
    ("advisory locks that were left", "SELECT objid FROM pg_locks WHERE locktype = 'advisory'"),
];

/// Waits until no bundle of `database` is open.
pub(crate) fn until_final(database: &str, deadline: Duration) {
    let open = "SELECT count(*) FROM bundle WHERE finished_at IS NULL";
    wait::until(deadline, "all bundles to end", || postgres::query(database, open) == "0");
}

/// Checks the books after everything has ended; says what is in them.
pub(crate) fn check(database: &str, load: &Load) -> anyhow::Result<String> {
    for (what, query) in FAULTS {
        let found = postgres::query(database, query);
        let (count, first) = (found.lines().count(), found.lines().next().unwrap_or_default());
        ensure!(count == 0, "{count} {what}, the first is {first}");
    }
    let stored = postgres::query(database, "SELECT count(*), sum(total) FROM bundle");
    let accepted = format!("{}|{}", load.bundles.len(), load.jobs);
    ensure!(stored == accepted, "bundles and jobs: {accepted} accepted, {stored} stored");
    let counted = postgres::query(
        database,
        "SELECT count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 2 AND cached),
            count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4) FROM job",
    );
    let codes = "SELECT DISTINCT error_code FROM job WHERE status = 3";
    let codes = postgres::query(database, codes).replace('\n', ", ");
    let [completed, cached, failed, cancelled] =
        counted.split('|').collect::<Vec<_>>()[..].try_into()?;
    Ok(format!(
        "the books are right: {} bundles, {} jobs, each with one counted outcome: {completed} \
         completed ({cached} of them from a known result), {failed} failed {codes}, {cancelled} \
         cancelled",
        load.bundles.len(),
        load.jobs
    ))
}
