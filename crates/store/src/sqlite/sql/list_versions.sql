-- ?1 JSON array of ids in hex -> those bundles that exist with their versions.
SELECT b.id, b.revision + coalesce((SELECT sum(changes) FROM bundle_slot WHERE bundle_id = b.id), 0)
FROM bundle b WHERE lower(hex(b.id)) IN (SELECT value FROM json_each(?1))
