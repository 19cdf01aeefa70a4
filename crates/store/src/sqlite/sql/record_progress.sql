-- ?1 worker, ?2 JSON rows [job, attempt, fraction] -> bundle of each job still held.
-- The + keeps job_running out of it: each row is to be found by its id.
INSERT INTO job_progress (job_id, bundle_id, attempt, fraction)
SELECT j.id, j.bundle_id, j.attempt, new.value ->> 2
FROM json_each(?2) AS new JOIN job j ON j.id = new.value ->> 0
WHERE j.attempt = new.value ->> 1 AND +j.worker_id = ?1 AND j.status = 1
ON CONFLICT (job_id) DO UPDATE SET attempt = excluded.attempt, fraction = excluded.fraction
RETURNING bundle_id
