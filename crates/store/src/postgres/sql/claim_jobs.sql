-- $1 worker, $2 limit, $3 epoch and $4 rank, $5 turn, $6 created_at in microseconds, $7 id of the
-- last job that was claimed in it -> one row per claimed job, in no order (RETURNING has none).
-- Needs job_claimable, which has the order of the claim.
-- Why each word stands there: docs/concepts/queue.md. SKIP LOCKED never waits for another claimer; the
-- advisory lock confirms a candidate; the second look at status refuses a candidate whose claimer
-- has just committed; MATERIALIZED keeps a sort plan from locking more rows than the limit.
-- As long as the epoch stands, nothing became claimable before the last job, so what lies before it
-- (dead versions of claimed rows, under an old snapshot many) need not be read again.
-- The bundle row is never waited for: a cancel holds it while it waits for our job rows.
WITH low AS MATERIALIZED (
    SELECT
        CASE WHEN last_value = $3::bigint THEN $4::smallint ELSE (-1)::smallint END AS rank,
        CASE WHEN last_value = $3::bigint THEN $5::bigint ELSE 0 END AS turn,
        CASE WHEN last_value = $3::bigint
            THEN timestamptz 'epoch' + $6::bigint * interval '1 microsecond' ELSE '-infinity'
        END AS created_at,
        CASE WHEN last_value = $3::bigint THEN $7::bigint ELSE 0 END AS id,
        last_value AS epoch
    FROM queue_epoch
), candidate AS MATERIALIZED (
    SELECT id FROM job WHERE status = 0 AND hold = 0
        AND (rank, turn, created_at, id) > (
            (SELECT low.rank FROM low), (SELECT low.turn FROM low),
            (SELECT low.created_at FROM low), (SELECT low.id FROM low)
        )
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
SELECT claimed.id, attempt::bigint AS attempt, bundle_id, seq::bigint AS seq, spec_key, suspect,
    claimed.rank::bigint AS rank, claimed.turn,
    (extract(epoch FROM claimed.created_at) * 1000000)::bigint AS created_at,
    (SELECT low.epoch FROM low) AS epoch
FROM claimed
