-- $1 bundle, $2 source; one element a segment: $3 series, $4 starts, $5 hashes. What is pinned
-- stays.
INSERT INTO bundle_pin (bundle_id, source, series, segment, hash)
SELECT $1::uuid, $2, series, segment, hash
FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS new (series, segment, hash)
ORDER BY series, segment
ON CONFLICT (bundle_id, source, series, segment) DO NOTHING
