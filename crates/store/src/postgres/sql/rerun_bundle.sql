-- $1 bundle, whose row is locked, $2 jobs that are pending again. It is no longer final; what called it off is over.
UPDATE bundle SET
    cancel = false, finished_at = NULL, revision = revision + 1, released = released - $2,
    status = CASE WHEN status = 2 THEN 2 WHEN started_at IS NULL THEN 0 ELSE 1 END
WHERE id = $1
