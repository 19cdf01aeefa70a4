-- ?1 JSON list of jobs. A job that is not running has no progress.
DELETE FROM job_progress WHERE job_id IN (SELECT value FROM json_each(?1))
