-- ?1 owner, ?2 key, ?3 body hash, ?4 bundle, ?5 now, ?6 expiry -> the bundle, if the key is new or
-- its memory has expired; else no row.
INSERT INTO idempotency (owner, key, body_hash, bundle_id, expires_at) VALUES (?1, ?2, ?3, ?4, ?6)
ON CONFLICT (owner, key) DO UPDATE SET
    body_hash = excluded.body_hash, bundle_id = excluded.bundle_id, expires_at = excluded.expires_at
WHERE idempotency.expires_at <= ?5
RETURNING bundle_id
