-- $1 bundle, $2 source; one element a segment, ascending: $3 series, $4 starts, $5 hashes.
INSERT INTO bundle_pin AS old (bundle_id, source, series, segment, hash)
SELECT $1::uuid, $2, series, segment, hash
FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS new (series, segment, hash)
ORDER BY series, segment
ON CONFLICT (bundle_id, source, series, segment) DO UPDATE SET hash = excluded.hash
WHERE old.hash <> excluded.hash
