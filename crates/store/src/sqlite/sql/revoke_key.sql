-- ?1 id, ?2 now -> a row if there is such a key. The first time stays.
UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING id
