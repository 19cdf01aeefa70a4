-- ?1 worker, ?2 job, ?3 attempt, ?4 status, ?5 cached, ?6 result key, ?7 error code,
-- ?8 error message, ?9 now -> its bundle, if the job was held.
UPDATE job SET status = ?4, cached = ?5, result_key = ?6, error_code = ?7, error_message = ?8,
    finished_at = ?9, source_since = NULL
WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status = 1
RETURNING bundle_id
