-- ?1 now -> every key, newest first.
SELECT id, hash, owner, name, scopes, created_at, expires_at, revoked_at, expires_at - ?1 AS left_ms
FROM api_key ORDER BY created_at DESC, id
