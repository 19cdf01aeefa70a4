-- ?1 id, ?2 owner or null for any -> the bundle with its counts, in one snapshot.
SELECT b.id, b.owner, b.name, b.tags, b.rank, b.status, b.total, b.dropped,
    coalesce(sum(s.completed), 0) AS completed, coalesce(sum(s.failed), 0) AS failed,
    coalesce(sum(s.cancelled), 0) AS cancelled, coalesce(sum(s.cached), 0) AS cached,
    coalesce(sum(s.running), 0) AS running,
    total(s.candles_per_second) AS candles_per_second,
    (
        SELECT total(p.fraction) FROM job_progress p
        JOIN job j ON j.id = p.job_id AND j.attempt = p.attempt AND j.status = 1
        WHERE p.bundle_id = b.id
    ) AS running_progress,
    b.revision + coalesce(sum(s.changes), 0) AS version,
    b.created_at, b.started_at, b.finished_at
FROM bundle b LEFT JOIN bundle_slot s ON s.bundle_id = b.id
WHERE b.id = ?1 AND (?2 IS NULL OR b.owner = ?2)
GROUP BY b.id
