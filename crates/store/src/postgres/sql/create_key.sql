-- $1 id, $2 hash, $3 owner, $4 name, $5 scopes, $6 seconds to live or null -> the key.
INSERT INTO api_key (id, hash, owner, name, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
RETURNING id, hash, owner, name, scopes::bigint AS scopes,
    floor(extract(epoch FROM created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM expires_at) * 1000)::bigint AS expires_at,
    floor(extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_at,
    ceil(extract(epoch FROM expires_at - now()) * 1000)::bigint AS left_ms
