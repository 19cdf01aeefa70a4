-- ?1 bundle -> its version.
SELECT b.revision + coalesce((SELECT sum(changes) FROM bundle_slot WHERE bundle_id = b.id), 0)
FROM bundle b WHERE b.id = ?1
