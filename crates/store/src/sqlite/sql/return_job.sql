-- ?1 worker, ?2 job, ?3 attempt, ?4 now -> bundle, status and start of a drained job.
-- A job that was called off ends here.
UPDATE job SET status = iif(cancel, 4, 0), finished_at = iif(cancel, ?4, NULL),
    worker_id = NULL, started = 0, source_since = NULL
WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status = 1
RETURNING bundle_id, status, started_at
