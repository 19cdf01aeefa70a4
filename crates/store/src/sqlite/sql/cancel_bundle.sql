-- ?1 bundle.
UPDATE bundle SET
    cancel = 1, revision = revision + 1, released = iif(released IS NULL, NULL, total)
WHERE id = ?1
