-- $1 worker, $2 limit -> one row per claimed job, in no order (RETURNING has none).
-- Needs job_claimable, which has the order of the claim.
-- Why each word stands there: docs/concepts/queue.md. SKIP LOCKED never waits for another claimer; the
-- advisory lock confirms a candidate; the second look at status refuses a candidate whose claimer
-- has just committed; MATERIALIZED keeps a sort plan from locking more rows than the limit.
-- The bundle row is never waited for: a cancel holds it while it waits for our job rows.
WITH candidate AS MATERIALIZED (
    SELECT id FROM job WHERE status = 0 AND hold = 0
    ORDER BY rank, turn, created_at, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), confirmed AS MATERIALIZED (
    SELECT id FROM candidate WHERE pg_try_advisory_xact_lock((16966::bigint << 48) | id)
), claimed AS (
    UPDATE job SET
        status = 1, attempt = job.attempt + 1, worker_id = $1, started = false, started_at = now()
    FROM confirmed WHERE job.id = confirmed.id AND job.status = 0
    RETURNING job.id, job.attempt, job.bundle_id, job.seq, job.spec_key, job.suspect, job.rank,
        job.turn, job.created_at
), counted AS (
    INSERT INTO bundle_slot AS slot (bundle_id, slot, running, changes)
    SELECT bundle_id, $1, count(*), 1 FROM claimed GROUP BY bundle_id ORDER BY bundle_id
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        running = slot.running + excluded.running, changes = slot.changes + 1, changed_at = now()
), fresh AS MATERIALIZED (
    SELECT id FROM bundle
    WHERE id IN (SELECT bundle_id FROM claimed) AND started_at IS NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), begun AS (
    UPDATE bundle SET
        started_at = now(), status = CASE bundle.status WHEN 0 THEN 1 ELSE bundle.status END
    FROM fresh WHERE bundle.id = fresh.id AND bundle.started_at IS NULL
)
SELECT id, attempt::bigint AS attempt, bundle_id, seq::bigint AS seq, spec_key, suspect,
    rank::bigint AS rank, turn, (extract(epoch FROM created_at) * 1000000)::bigint AS created_at
FROM claimed
