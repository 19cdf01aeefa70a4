-- $1 worker, $2 jobs ascending, $3 attempts -> bundles of which a job ended.
-- Drained jobs are pending again; one that was called off ends here.
WITH returned AS (
    UPDATE job SET
        status = CASE WHEN cancel THEN 4 ELSE 0 END,
        finished_at = CASE WHEN cancel THEN now() END,
        worker_id = NULL, started = false, source_since = NULL
    WHERE id = ANY ($2::bigint[])
        AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])]
        AND worker_id = $1 AND status + 0 = 1
    RETURNING id, attempt, bundle_id, status, started_at
), recorded AS (
    INSERT INTO attempt (job_id, attempt, worker_id, started_at, ended_by)
    SELECT id, attempt, $1, started_at, 'drained' FROM returned
    ON CONFLICT (job_id, attempt) DO NOTHING
), cleared AS (
    DELETE FROM job_progress
    WHERE job_id = ANY ($2::bigint[]) AND (job_id IN (SELECT id FROM returned)) IS TRUE
), counted AS (
    INSERT INTO bundle_slot AS slot (bundle_id, slot, failed, cancelled, running, changes)
    SELECT bundle_id, $1, count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4),
        -count(*), 1
    FROM returned GROUP BY bundle_id ORDER BY bundle_id
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        failed = slot.failed + excluded.failed, cancelled = slot.cancelled + excluded.cancelled,
        running = slot.running + excluded.running,
        candles_per_second = CASE
            WHEN slot.running + excluded.running > 0 THEN slot.candles_per_second ELSE 0
        END,
        changes = slot.changes + 1, changed_at = now()
)
SELECT DISTINCT bundle_id FROM returned WHERE status >= 3
