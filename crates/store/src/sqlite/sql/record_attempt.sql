-- ?1 job, ?2 attempt, ?3 worker, ?4 start, ?5 now, ?6 why it ended.
INSERT INTO attempt (job_id, attempt, worker_id, started_at, ended_at, ended_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (job_id, attempt) DO NOTHING
