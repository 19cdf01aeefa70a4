-- ?1 worker, ?2 job, ?3 attempt, ?4 now, ?5 backoff in milliseconds, ?6 error code and
-- ?7 error message of this failure, ?8 failures allowed -> bundle, status and start of a job that failed by a
-- cause that can pass.
UPDATE job SET
    status = CASE WHEN cancel THEN 4 WHEN failures + 1 >= ?8 THEN 3 ELSE 0 END,
    error_code = iif(NOT cancel, ?6, NULL),
    error_message = iif(cancel, NULL,
        iif(failures + 1 >= ?8, ?7 || ' (tried ' || ?8 || ' times)', ?7)),
    finished_at = iif(cancel OR failures + 1 >= ?8, ?4, NULL),
    hold = iif(cancel OR failures + 1 >= ?8, hold, hold | 2),
    not_before = iif(cancel OR failures + 1 >= ?8, NULL, ?4 + ?5),
    failures = failures + 1, worker_id = NULL, started = 0, source_since = NULL
WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status = 1
RETURNING bundle_id, status, started_at
