-- ?1 worker, ?2 JSON rows [job, attempt, ..] -> jobs that these attempts have ended: just now, or by
-- an earlier commit whose answer was lost.
SELECT job.id, job.attempt FROM json_each(?2) AS asked JOIN job ON job.id = asked.value ->> 0
WHERE job.attempt = asked.value ->> 1 AND job.worker_id = ?1 AND job.status >= 2
