-- ?1 id, ?2 url, ?3 version, ?4 now -> its generation, one more than that of the process before.
INSERT INTO api_node (id, generation, url, version, started_at, last_seen)
VALUES (?1, 1, ?2, ?3, ?4, ?4)
ON CONFLICT (id) DO UPDATE SET
    generation = api_node.generation + 1, url = excluded.url, version = excluded.version,
    started_at = excluded.started_at, last_seen = excluded.last_seen, left_at = NULL
RETURNING generation
