-- $1 bundle, $2 source, $3 series, $4 starts, $5 hashes -> series and start of the first segment
-- that is not the one pinned.
SELECT pin.series, pin.segment
FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS held (series, segment, hash)
JOIN bundle_pin pin ON pin.bundle_id = $1 AND pin.source = $2 AND pin.series = held.series
    AND pin.segment = held.segment
WHERE pin.hash <> held.hash
ORDER BY pin.series, pin.segment LIMIT 1
