-- -> every source that segments are on record of, ascending.
-- Jumps from one to the next in the primary key of segment_version: there are few sources and many
-- segments.
WITH RECURSIVE next AS (
    (SELECT source FROM segment_version ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT v.source FROM segment_version v WHERE v.source > next.source ORDER BY v.source LIMIT 1)
    FROM next WHERE next.source IS NOT NULL
)
SELECT source FROM next WHERE source IS NOT NULL
