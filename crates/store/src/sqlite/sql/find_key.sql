-- ?1 id, ?2 now -> the key.
SELECT id, hash, owner, name, scopes, created_at, expires_at, revoked_at, expires_at - ?2 AS left_ms
FROM api_key WHERE id = ?1
