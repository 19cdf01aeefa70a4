-- $1 bundle, whose row is locked.
UPDATE bundle SET
    revision = revision + 1, status = CASE WHEN started_at IS NULL THEN 0 ELSE 1 END
WHERE id = $1
