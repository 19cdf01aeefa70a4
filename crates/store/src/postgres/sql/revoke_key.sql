-- $1 id -> a row if there is such a key. The first time stays.
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id
