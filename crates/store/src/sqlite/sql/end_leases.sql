-- ?1 owner, ?2 generation, ?3 now: its leases end at once.
UPDATE lease SET expires_at = ?3 WHERE owner = ?1 AND generation = ?2 AND expires_at > ?3
