-- $1 bundle, $2 seq -> the job's abnormal attempts, oldest first.
SELECT a.attempt::bigint AS attempt, a.worker_id,
    floor(extract(epoch FROM a.started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM a.ended_at) * 1000)::bigint AS ended_at, a.ended_by
FROM attempt a JOIN job j ON j.id = a.job_id
WHERE j.bundle_id = $1 AND j.seq = $2
ORDER BY a.attempt
