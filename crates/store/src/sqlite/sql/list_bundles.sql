-- ?1 owner, ?2 status, ?3 folded part of the name, ?4 tag, ?5 its value, ?6 before this id: each
-- null for any; ?7 limit -> bundles with their counts, newest first.
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
WHERE b.id IN (
    SELECT id FROM bundle
    WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR status = ?2)
        AND (?3 IS NULL OR instr(name_folded, ?3) > 0)
        AND (?4 IS NULL OR EXISTS (
            SELECT 1 FROM json_each(tags) AS tag WHERE tag.key = ?4 AND tag.value = ?5
        ))
        AND (?6 IS NULL OR id < ?6)
    ORDER BY id DESC LIMIT ?7
)
GROUP BY b.id
ORDER BY b.id DESC
