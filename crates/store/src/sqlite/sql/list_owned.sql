-- ?1 worker -> job, attempt and cancel flag of what it holds. Needs job_running.
SELECT id, attempt, cancel FROM job WHERE worker_id = ?1 AND status = 1 ORDER BY id
