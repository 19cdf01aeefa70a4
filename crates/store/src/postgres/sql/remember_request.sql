-- $1 owner, $2 key, $3 body hash, $4 bundle, $5 seconds to keep -> the bundle, if the key is new or
-- its memory has expired; else no row. Waits for another transaction that is inserting the key.
INSERT INTO idempotency AS old (owner, key, body_hash, bundle_id, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
ON CONFLICT (owner, key) DO UPDATE SET
    body_hash = excluded.body_hash, bundle_id = excluded.bundle_id, expires_at = excluded.expires_at
WHERE old.expires_at <= now()
RETURNING bundle_id
