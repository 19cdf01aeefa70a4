-- $1 worker, $2 jobs ascending, $3 attempts, $4 fractions, $5 candles per second in all.
-- Jobs no longer held are left alone. A job that reports progress has its candles, so its wait for
-- the source is over.
WITH reported AS (
    SELECT * FROM unnest($2::bigint[], $3::integer[], $4::float8[]) AS new (id, attempt, fraction)
), held AS MATERIALIZED (
    SELECT j.id, j.bundle_id, j.attempt, j.source_since, r.fraction
    FROM reported r JOIN job j ON j.id = r.id AND j.attempt = r.attempt
    WHERE j.id = ANY ($2::bigint[]) AND j.worker_id = $1 AND j.status + 0 = 1
), written AS (
    INSERT INTO job_progress (job_id, bundle_id, attempt, fraction)
    SELECT id, bundle_id, attempt, fraction FROM held ORDER BY id
    ON CONFLICT (job_id) DO UPDATE SET attempt = excluded.attempt, fraction = excluded.fraction
), loaded AS (
    UPDATE job SET source_since = NULL
    FROM held WHERE job.id = held.id AND job.attempt = held.attempt AND job.status = 1
        AND held.source_since IS NOT NULL
)
UPDATE bundle_slot SET
    candles_per_second = share.speed, changes = bundle_slot.changes + 1, changed_at = now()
FROM (
    SELECT bundle_id, $5::float8 * count(*) / sum(count(*)) OVER () AS speed
    FROM held GROUP BY bundle_id
) AS share
WHERE bundle_slot.bundle_id = share.bundle_id AND bundle_slot.slot = $1
