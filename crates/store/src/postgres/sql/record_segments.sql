-- $1 source; one element a segment, ascending by series and start: $2 series, $3 starts, $4 ends,
-- $5 hashes, $6 revisions known when they were loaded.
-- The first to hold a closed segment records it. Another hash under the revision it was loaded at
-- means that somebody wrote past us: that is a correction, too. A copy older than a correction
-- changes nothing.
INSERT INTO segment_version AS old (source, series, segment, segment_end, hash, revision)
SELECT $1, series, segment, segment_end, hash, revision
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[])
    AS new (series, segment, segment_end, hash, revision)
ORDER BY series, segment
ON CONFLICT (source, series, segment) DO UPDATE SET
    hash = excluded.hash, segment_end = excluded.segment_end,
    revision = CASE WHEN old.hash IS NULL THEN old.revision ELSE old.revision + 1 END
WHERE old.hash IS DISTINCT FROM excluded.hash AND old.revision <= excluded.revision
