-- ?1 bundle.
UPDATE bundle SET cancel = 1, revision = revision + 1 WHERE id = ?1
