-- ?1 id, ?2 generation -> when it was last seen.
SELECT last_seen FROM api_node WHERE id = ?1 AND generation = ?2
