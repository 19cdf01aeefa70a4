-- ?1 job. A job that is not running has no progress.
DELETE FROM job_progress WHERE job_id = ?1
