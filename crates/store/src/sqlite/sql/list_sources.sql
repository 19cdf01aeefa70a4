-- -> every source that segments are on record of, ascending.
-- Jumps from one to the next in the primary key of segment_version: there are few sources and many
-- segments.
WITH RECURSIVE next (source) AS (
    SELECT min(source) FROM segment_version
    UNION ALL
    SELECT (SELECT min(v.source) FROM segment_version v WHERE v.source > next.source)
    FROM next WHERE next.source IS NOT NULL
)
SELECT source FROM next WHERE source IS NOT NULL
