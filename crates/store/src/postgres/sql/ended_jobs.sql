-- $1 worker, $2 jobs, $3 attempts -> jobs that these attempts have ended: just now, or by an earlier
-- commit whose answer was lost.
SELECT job.id, job.attempt
FROM unnest($2::bigint[], $3::integer[]) AS asked (id, attempt) JOIN job ON job.id = asked.id
WHERE job.attempt = asked.attempt AND job.worker_id = $1 AND job.status >= 2
