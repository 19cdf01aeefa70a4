-- ?1 bundle, ?2 worker, ?3 candles per second, ?4 now.
UPDATE bundle_slot SET candles_per_second = ?3, changes = changes + 1, changed_at = ?4
WHERE bundle_id = ?1 AND slot = ?2
