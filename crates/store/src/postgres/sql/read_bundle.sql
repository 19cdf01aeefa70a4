-- $1 id, $2 owner or null for any -> the bundle with its counts, in one snapshot.
-- Sums of floats are made in numeric: they must not depend on the order of the rows.
SELECT b.id, b.owner, b.name, b.tags::text AS tags, b.rank::bigint AS rank,
    b.status::bigint AS status, b.total, b.dropped, s.completed, s.failed, s.cancelled, s.cached,
    s.running, s.candles_per_second, p.running_progress, b.revision + s.changes AS version,
    floor(extract(epoch FROM b.created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM b.started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM b.finished_at) * 1000)::bigint AS finished_at
FROM bundle b
CROSS JOIN LATERAL (
    SELECT coalesce(sum(completed), 0)::bigint AS completed,
        coalesce(sum(failed), 0)::bigint AS failed,
        coalesce(sum(cancelled), 0)::bigint AS cancelled,
        coalesce(sum(cached), 0)::bigint AS cached,
        coalesce(sum(running), 0)::bigint AS running,
        coalesce(sum(candles_per_second::numeric), 0)::float8 AS candles_per_second,
        coalesce(sum(changes), 0)::bigint AS changes
    FROM bundle_slot WHERE bundle_id = b.id
) s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(jp.fraction::numeric), 0)::float8 AS running_progress
    FROM job_progress jp
    JOIN job j ON j.id = jp.job_id AND j.attempt = jp.attempt AND j.status = 1
    WHERE jp.bundle_id = b.id
) p
WHERE b.id = $1 AND ($2::text IS NULL OR b.owner = $2)
