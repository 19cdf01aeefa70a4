-- $1 bundle, whose row is locked. A first claim of its jobs could not say that it began: the lock was
-- in its way.
UPDATE bundle SET
    cancel = true, revision = revision + 1,
    released = CASE WHEN released IS NOT NULL THEN total END,
    started_at = CASE WHEN claimed.ever THEN coalesce(started_at, now()) ELSE started_at END,
    status = CASE WHEN claimed.ever AND status = 0 THEN 1 ELSE status END
FROM (
    SELECT EXISTS (SELECT 1 FROM bundle_slot WHERE bundle_id = $1 AND slot <> 0) AS ever
) AS claimed
WHERE id = $1
