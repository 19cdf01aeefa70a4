-- $1 owner, $2 status, $3 folded part of the name, $4 tag, $5 its value, $6 before this id: each
-- null for any; $7 limit -> bundles with their counts, newest first.
-- Needs bundle_of_owner, or the primary key where the owner is null.
WITH page AS MATERIALIZED (
    SELECT * FROM bundle
    WHERE ($1::text IS NULL OR owner = $1) AND ($2::smallint IS NULL OR status = $2)
        AND ($3::text IS NULL OR strpos(name_folded, $3) > 0)
        AND ($4::text IS NULL OR tags ->> $4 = $5::text)
        AND ($6::uuid IS NULL OR id < $6)
    ORDER BY id DESC LIMIT $7
)
SELECT b.id, b.owner, b.name, b.tags::text AS tags, b.rank::bigint AS rank,
    b.status::bigint AS status, b.total, b.dropped, s.completed, s.failed, s.cancelled, s.cached,
    s.running, s.candles_per_second, p.running_progress, b.revision + s.changes AS version,
    floor(extract(epoch FROM b.created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM b.started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM b.finished_at) * 1000)::bigint AS finished_at
FROM page b
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
ORDER BY b.id DESC
