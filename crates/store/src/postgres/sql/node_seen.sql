-- $1 id, $2 generation -> when it was last seen, by this server's copy of the table.
SELECT floor(extract(epoch FROM last_seen) * 1000)::bigint
FROM api_node WHERE id = $1 AND generation = $2
