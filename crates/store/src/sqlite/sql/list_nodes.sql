-- ?1 lease in milliseconds, ?2 now -> nodes seen within a day, newest first.
SELECT id, generation, url, version, left_at IS NOT NULL OR last_seen < ?2 - ?1 AS lost,
    started_at, last_seen,
    (
        SELECT count(*) FROM lease
        WHERE owner = n.id AND lease.generation = n.generation AND expires_at > ?2
    ) AS leases
FROM api_node n WHERE last_seen > ?2 - 86400000
ORDER BY n.started_at DESC, id
