-- -> how many jobs may be claimed again. Needs job_backing_off.
WITH due AS MATERIALIZED (
    SELECT id FROM job WHERE hold & 2 <> 0 AND not_before <= now()
    ORDER BY id + 0 FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
    UPDATE job SET hold = job.hold & ~2, not_before = NULL
    FROM due WHERE job.id = due.id
    RETURNING job.id
)
SELECT count(*) FROM ended
