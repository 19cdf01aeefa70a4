-- $1 bundles -> those that exist with their versions.
SELECT b.id, b.revision + coalesce(
    (SELECT sum(changes) FROM bundle_slot WHERE bundle_id = b.id), 0
)::bigint
FROM bundle b WHERE b.id = ANY ($1::uuid[])
