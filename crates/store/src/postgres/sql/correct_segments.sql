-- $1 source; one element a segment, ascending by series and start: $2 series, $3 starts, $4 ends.
-- What was recorded of them is void from now on.
INSERT INTO segment_version AS old (source, series, segment, segment_end, hash, revision)
SELECT $1, series, segment, segment_end, NULL, 1
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS new (series, segment, segment_end)
ORDER BY series, segment
ON CONFLICT (source, series, segment) DO UPDATE SET
    revision = old.revision + 1, hash = NULL, segment_end = excluded.segment_end
