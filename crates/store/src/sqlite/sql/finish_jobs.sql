-- ?1 worker, ?2 now, ?3 JSON rows [job, attempt, status, cached, result key in hex or null, error
-- code or null, error message or null] -> job, attempt, bundle, status and cached of each that was
-- held; a job is completed from a result only while that stands. The + keeps job_running out of it: each row is to be found by its id.
UPDATE job SET
    status = new.value ->> 2, cached = new.value ->> 3, result_key = unhex(new.value ->> 4),
    error_code = new.value ->> 5, error_message = new.value ->> 6, finished_at = ?2,
    source_since = NULL
FROM json_each(?3) AS new
WHERE job.id = new.value ->> 0 AND job.attempt = new.value ->> 1
    AND +job.worker_id = ?1 AND job.status = 1
    AND (NOT new.value ->> 3
        OR EXISTS (SELECT 1 FROM result WHERE result.key = unhex(new.value ->> 4)))
RETURNING job.id, job.attempt, job.bundle_id, job.status, job.cached
