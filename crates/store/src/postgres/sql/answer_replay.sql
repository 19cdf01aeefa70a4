-- $1 worker, $2 replay, $3 attempt, $4 answer -> the job, if the replay was held.
UPDATE replay SET status = 2, answer = $4::text::json, ended_at = now()
WHERE id = $2 AND attempt = $3 AND worker_id = $1 AND status = 1
RETURNING job_id
