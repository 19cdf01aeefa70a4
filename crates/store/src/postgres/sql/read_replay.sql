-- $1 bundle, $2 seq -> the newest replay of a job. Needs replay_of_job.
SELECT replay.status::bigint AS status, replay.attempt::bigint AS attempt, replay.worker_id,
    floor(extract(epoch FROM replay.created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM replay.ended_at) * 1000)::bigint AS ended_at,
    replay.answer::text AS answer
FROM job JOIN replay ON replay.job_id = job.id
WHERE job.bundle_id = $1 AND job.seq = $2
ORDER BY replay.id DESC LIMIT 1
