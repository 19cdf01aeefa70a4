-- $1 lease and $2 grace in seconds, $3 whether leases may be judged, $4 whether presence may,
-- $5 losses allowed, $6 error message of the last -> bundle, status and number of the jobs taken
-- from dead workers. Needs job_running.
-- A worker is dead if its lease is over, or if it claims a presence, has been silent for a grace,
-- and nobody holds its presence lock (namespace 16967). Its row is locked and looked at again, so a
-- beat in flight saves it.
-- The first loss makes a job suspect; only the loss of a started suspect counts against it.
WITH owner AS MATERIALIZED (
    SELECT DISTINCT worker_id FROM job WHERE status = 1
), silent AS MATERIALIZED (
    SELECT w.id, w.presence, w.beat_at < now() - make_interval(secs => $1) AS lapsed
    FROM worker w
    WHERE w.id IN (SELECT worker_id FROM owner)
        AND w.beat_at < now() - make_interval(secs => least($1, $2))
    ORDER BY w.id FOR NO KEY UPDATE SKIP LOCKED
), dead AS MATERIALIZED (
    SELECT id FROM silent WHERE CASE
        WHEN lapsed AND $3 THEN true
        WHEN presence AND $4 THEN pg_try_advisory_xact_lock((16967::bigint << 48) | id)
        ELSE false
    END
), lost AS MATERIALIZED (
    SELECT id, worker_id, losses + (suspect AND started)::integer AS losses
    FROM job WHERE status = 1 AND worker_id IN (SELECT id FROM dead)
    ORDER BY id + 0 FOR NO KEY UPDATE
), returned AS (
    UPDATE job SET
        losses = lost.losses,
        status = CASE WHEN cancel THEN 4 WHEN lost.losses >= $5 THEN 3 ELSE 0 END,
        error_code = CASE WHEN NOT cancel AND lost.losses >= $5 THEN 'worker_lost' END,
        error_message = CASE WHEN NOT cancel AND lost.losses >= $5 THEN $6::text END,
        finished_at = CASE WHEN cancel OR lost.losses >= $5 THEN now() END,
        suspect = true, worker_id = NULL, started = false
    FROM lost WHERE job.id = lost.id AND job.worker_id = lost.worker_id AND job.status = 1
    RETURNING job.id, job.attempt, job.bundle_id, job.status, job.started_at,
        lost.worker_id AS held_by
), recorded AS (
    INSERT INTO attempt (job_id, attempt, worker_id, started_at, ended_by)
    SELECT id, attempt, held_by, started_at, 'worker_lost' FROM returned
    ON CONFLICT (job_id, attempt) DO NOTHING
), cleared AS (
    DELETE FROM job_progress USING returned WHERE job_progress.job_id = returned.id
), delta AS (
    SELECT bundle_id, held_by AS slot, 0 AS failed, 0 AS cancelled, -count(*) AS running
    FROM returned GROUP BY bundle_id, held_by
    UNION ALL
    SELECT bundle_id, 0, count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4), 0
    FROM returned GROUP BY bundle_id
), counted AS (
    INSERT INTO bundle_slot AS slot (bundle_id, slot, failed, cancelled, running, changes)
    SELECT bundle_id, slot, failed, cancelled, running, 1 FROM delta ORDER BY bundle_id, slot
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        failed = slot.failed + excluded.failed, cancelled = slot.cancelled + excluded.cancelled,
        running = slot.running + excluded.running, candles_per_second = 0,
        changes = slot.changes + 1, changed_at = now()
)
SELECT bundle_id, status, count(*) FROM returned GROUP BY bundle_id, status
