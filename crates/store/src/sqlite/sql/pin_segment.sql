-- ?1 bundle, ?2 source, ?3 series, ?4 start, ?5 hash, ?6 whether another pin is replaced
-- -> the hash that is pinned now.
INSERT INTO bundle_pin AS old (bundle_id, source, series, segment, hash)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (bundle_id, source, series, segment)
    DO UPDATE SET hash = iif(?6, excluded.hash, old.hash)
RETURNING hash
