-- ?1 bundle.
UPDATE bundle SET status = 2, revision = revision + 1 WHERE id = ?1
