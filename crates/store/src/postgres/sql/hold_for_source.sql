-- $1 worker, $2 jobs ascending, $3 attempts, $4 seconds until they may be claimed again, $5 longest
-- wait in seconds -> bundles of which a job ended.
-- Their candle source is away: no failure, until it has been away for too long. A job that waits for
-- the first time has no source_since, and no comparison with null is true.
WITH returned AS (
    UPDATE job SET
        status = CASE
            WHEN cancel THEN 4
            WHEN now() - source_since > make_interval(secs => $5) THEN 3
            ELSE 0
        END,
        error_code = CASE
            WHEN NOT cancel AND now() - source_since > make_interval(secs => $5)
            THEN 'source_unavailable'
        END,
        error_message = CASE
            WHEN NOT cancel AND now() - source_since > make_interval(secs => $5)
            THEN 'the candle source did not answer for '
                || floor(extract(epoch FROM now() - source_since))::bigint || ' s'
        END,
        finished_at = CASE
            WHEN cancel OR now() - source_since > make_interval(secs => $5) THEN now()
        END,
        hold = CASE
            WHEN cancel OR now() - source_since > make_interval(secs => $5) THEN hold
            ELSE hold | 2
        END,
        not_before = CASE
            WHEN cancel OR now() - source_since > make_interval(secs => $5) THEN NULL
            ELSE now() + make_interval(secs => $4)
        END,
        source_since = coalesce(source_since, now()), worker_id = NULL, started = false
    WHERE id = ANY ($2::bigint[])
        AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])]
        AND worker_id = $1 AND status + 0 = 1
    RETURNING id, attempt, bundle_id, status, started_at
), recorded AS (
    INSERT INTO attempt (job_id, attempt, worker_id, started_at, ended_by)
    SELECT id, attempt, $1, started_at, 'source_away' FROM returned
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
