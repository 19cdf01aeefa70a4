-- $1 id, $2 url, $3 version -> its generation, one more than that of the process before.
INSERT INTO api_node (id, generation, url, version) VALUES ($1, 1, $2, $3)
ON CONFLICT (id) DO UPDATE SET
    generation = api_node.generation + 1, url = excluded.url, version = excluded.version,
    started_at = now(), last_seen = now(), left_at = NULL
RETURNING generation
