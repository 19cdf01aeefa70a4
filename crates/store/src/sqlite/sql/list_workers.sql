-- ?1 now -> workers that beat within a day, newest first.
SELECT w.id, w.host, w.version, w.slots, w.presence, w.draining,
    w.left_at IS NOT NULL OR w.beat_at < ?1 - w.lease_ms AS lost, w.started_at, w.beat_at,
    (SELECT count(*) FROM job WHERE worker_id = w.id AND status = 1) AS running,
    (SELECT coalesce(sum(completed + failed + cancelled), 0)
        FROM bundle_slot WHERE slot = w.id) AS finished,
    (SELECT total(candles_per_second) FROM bundle_slot WHERE slot = w.id) AS candles_per_second
FROM worker w WHERE w.beat_at > ?1 - 86400000
ORDER BY w.id DESC
