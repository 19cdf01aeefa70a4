-- ?1 bundle, ?2 seq -> the job's abnormal attempts, oldest first.
SELECT a.attempt, a.worker_id, a.started_at, a.ended_at, a.ended_by
FROM attempt a JOIN job j ON j.id = a.job_id
WHERE j.bundle_id = ?1 AND j.seq = ?2
ORDER BY a.attempt
