-- $1 worker, $2 jobs ascending, $3 attempts, $4 fractions, $5 candles per second in all.
-- Jobs no longer held are left alone. A job that reports progress has its candles, so its wait for
-- the source is over. Nothing is joined with the elements, for the reasons in finish_jobs.sql.
WITH held AS MATERIALIZED (
    SELECT id, bundle_id, attempt, source_since,
        ($4::float8[])[width_bucket(id, $2::bigint[])] AS fraction
    FROM job
    WHERE id = ANY ($2::bigint[])
        AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])]
        AND worker_id = $1 AND status + 0 = 1
), written AS (
    INSERT INTO job_progress (job_id, bundle_id, attempt, fraction)
    SELECT id, bundle_id, attempt, fraction FROM held ORDER BY id
    ON CONFLICT (job_id) DO UPDATE SET attempt = excluded.attempt, fraction = excluded.fraction
), loaded AS (
    UPDATE job SET source_since = NULL
    WHERE id = ANY (ARRAY(SELECT id FROM held WHERE source_since IS NOT NULL))
        AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])] AND status + 0 = 1
    RETURNING id
)
UPDATE bundle_slot SET
    candles_per_second = share.speed, changes = bundle_slot.changes + 1, changed_at = now()
FROM (
    SELECT bundle_id, $5::float8 * count(*) / sum(count(*)) OVER () AS speed
    FROM held
    -- Jobs are locked before the counts of their bundle, as where they end.
    WHERE (SELECT count(*) FROM loaded) IS NOT NULL
    GROUP BY bundle_id
) AS share
WHERE bundle_slot.bundle_id = share.bundle_id AND bundle_slot.slot = $1
