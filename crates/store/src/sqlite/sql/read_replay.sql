-- ?1 bundle, ?2 seq -> the newest replay of a job. Needs replay_of_job.
SELECT replay.status, replay.attempt, replay.worker_id, replay.created_at, replay.ended_at,
    replay.answer
FROM job JOIN replay ON replay.job_id = job.id
WHERE job.bundle_id = ?1 AND job.seq = ?2
ORDER BY replay.id DESC LIMIT 1
