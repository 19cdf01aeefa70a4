-- ?1 bundle, ?2 status of the jobs or null for failed and cancelled ones. They are pending again.
-- A job starts a new count of failures and losses; only its attempt goes on, which fences off whoever
-- held it before.
UPDATE job SET
    status = 0, hold = iif(bundle.status = 2, 1, 0) | iif(bundle.released IS NULL, 0, 4), rank = bundle.rank, failures = 0, losses = 0,
    started = 0, cancel = 0, cached = 0, worker_id = NULL, not_before = NULL, source_since = NULL,
    finished_at = NULL, result_key = NULL, error_code = NULL, error_message = NULL
FROM bundle
WHERE bundle.id = ?1 AND job.bundle_id = ?1 AND job.status IN (3, 4)
    AND (?2 IS NULL OR job.status = ?2)
