-- ?1 id, ?2 hash, ?3 owner, ?4 name, ?5 scopes, ?6 milliseconds to live or null, ?7 now -> the key.
INSERT INTO api_key (id, hash, owner, name, scopes, created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?7, ?7 + ?6)
RETURNING id, hash, owner, name, scopes, created_at, expires_at, revoked_at, expires_at - ?7 AS left_ms
