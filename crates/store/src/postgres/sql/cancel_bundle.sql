-- $1 bundle. Its row is locked.
UPDATE bundle SET cancel = true, revision = revision + 1 WHERE id = $1
