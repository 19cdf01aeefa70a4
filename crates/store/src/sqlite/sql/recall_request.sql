-- ?1 owner, ?2 key -> body hash and bundle of the first request with this key.
SELECT body_hash, bundle_id FROM idempotency WHERE owner = ?1 AND key = ?2
