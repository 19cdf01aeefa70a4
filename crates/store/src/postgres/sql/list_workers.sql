-- -> workers that beat within a day, newest first.
SELECT w.id, w.host, w.version, w.slots::bigint AS slots, w.presence, w.draining,
    w.left_at IS NOT NULL OR w.beat_at < now() - make_interval(secs => w.lease_ms / 1000.0)
        AS lost,
    floor(extract(epoch FROM w.started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM w.beat_at) * 1000)::bigint AS beat_at,
    (SELECT count(*) FROM job WHERE worker_id = w.id AND status = 1) AS running,
    s.finished, s.candles_per_second
FROM worker w CROSS JOIN LATERAL (
    SELECT coalesce(sum(completed + failed + cancelled), 0)::bigint AS finished,
        coalesce(sum(candles_per_second::numeric), 0)::float8 AS candles_per_second
    FROM bundle_slot WHERE slot = w.id
) s
WHERE w.beat_at > now() - interval '1 day'
ORDER BY w.id DESC
