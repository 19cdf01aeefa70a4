-- ?1 bundle.
UPDATE bundle SET revision = revision + 1, status = iif(started_at IS NULL, 0, 1) WHERE id = ?1
