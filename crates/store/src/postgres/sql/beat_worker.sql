-- $1 worker -> whether it is to drain, then job, attempt and cancel flag of each job it holds; one
-- row with nulls if it holds none, no row if there is no such worker. Needs job_running.
WITH beaten AS (
    UPDATE worker SET beat_at = now() WHERE id = $1 RETURNING draining
)
SELECT beaten.draining, job.id, job.attempt, job.cancel
FROM beaten LEFT JOIN job ON job.worker_id = $1 AND job.status = 1
ORDER BY job.id
