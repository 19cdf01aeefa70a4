-- ?1 owner, ?2 generation, ?3 now, ?4 lease in milliseconds -> the leases held, renewed.
UPDATE lease SET expires_at = ?3 + ?4
WHERE owner = ?1 AND generation = ?2 AND expires_at > ?3
RETURNING kind, key, epoch
