-- ?1 id, ?2 generation, ?3 now -> a row; none where a later process has taken the id.
UPDATE api_node SET last_seen = ?3 WHERE id = ?1 AND generation = ?2 RETURNING last_seen
