-- $1 lease in seconds -> nodes seen within a day, newest first.
SELECT id, generation, url, version,
    left_at IS NOT NULL OR last_seen < now() - make_interval(secs => $1) AS lost,
    floor(extract(epoch FROM started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM last_seen) * 1000)::bigint AS last_seen,
    (
        SELECT count(*) FROM lease
        WHERE owner = n.id AND lease.generation = n.generation AND expires_at > now()
    ) AS leases
FROM api_node n WHERE last_seen > now() - interval '1 day'
ORDER BY n.started_at DESC, id
