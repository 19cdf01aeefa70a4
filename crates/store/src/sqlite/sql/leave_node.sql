-- ?1 id, ?2 generation, ?3 now.
UPDATE api_node SET left_at = ?3 WHERE id = ?1 AND generation = ?2
