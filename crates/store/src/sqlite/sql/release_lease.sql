-- ?1 kind, ?2 key, ?3 owner, ?4 generation, ?5 epoch, ?6 now: ends a lease that is still held.
UPDATE lease SET expires_at = ?6
WHERE kind = ?1 AND key = ?2 AND owner = ?3 AND generation = ?4 AND epoch = ?5
    AND expires_at > ?6
