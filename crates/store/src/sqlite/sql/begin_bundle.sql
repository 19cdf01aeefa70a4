-- ?1 bundle, ?2 now. The first claim starts a bundle.
UPDATE bundle SET started_at = ?2, status = iif(status = 0, 1, status)
WHERE id = ?1 AND started_at IS NULL
