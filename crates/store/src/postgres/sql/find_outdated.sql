-- $1 source, $2 series, $3 starts, $4 hashes -> whether any of these is not what is on record.
SELECT EXISTS (
    SELECT 1 FROM unnest($2::text[], $3::bigint[], $4::bytea[]) AS held (series, segment, hash)
    JOIN segment_version s
        ON s.source = $1 AND s.series = held.series AND s.segment = held.segment
    WHERE s.hash IS DISTINCT FROM held.hash
)
