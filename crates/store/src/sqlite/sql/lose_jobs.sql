-- ?1 worker that died, ?2 now, ?3 losses allowed, ?4 error message
-- -> job, attempt, bundle, status and start of each job it held.
-- The first loss makes a job suspect; only the loss of a started suspect counts against it.
UPDATE job SET
    losses = losses + (suspect AND started),
    status = CASE WHEN cancel THEN 4
        WHEN losses + (suspect AND started) >= ?3 THEN 3 ELSE 0 END,
    error_code = iif(NOT cancel AND losses + (suspect AND started) >= ?3, 'worker_lost', NULL),
    error_message = iif(NOT cancel AND losses + (suspect AND started) >= ?3, ?4, NULL),
    finished_at = iif(cancel OR losses + (suspect AND started) >= ?3, ?2, NULL),
    suspect = 1, worker_id = NULL, started = 0
WHERE worker_id = ?1 AND status = 1
RETURNING id, attempt, bundle_id, status, started_at
