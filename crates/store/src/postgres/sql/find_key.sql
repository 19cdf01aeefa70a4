-- $1 id -> the key.
SELECT id, hash, owner, name, scopes::bigint AS scopes,
    floor(extract(epoch FROM created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM expires_at) * 1000)::bigint AS expires_at,
    floor(extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_at,
    ceil(extract(epoch FROM expires_at - now()) * 1000)::bigint AS left_ms
FROM api_key WHERE id = $1
