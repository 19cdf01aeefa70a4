-- $1 bundle, $2 how many of its jobs -> how many may be claimed now. Needs job_capped.
-- A bundle that somebody decides about is left alone.
WITH locked AS MATERIALIZED (
    SELECT id FROM bundle WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED
), target AS MATERIALIZED (
    SELECT id FROM job
    WHERE bundle_id = $1 AND hold & 4 <> 0 AND EXISTS (SELECT 1 FROM locked)
    ORDER BY seq LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), freed AS (
    UPDATE job SET hold = job.hold & ~4 FROM target WHERE job.id = target.id
    RETURNING job.id
), counted AS (
    UPDATE bundle SET released = released + (SELECT count(*) FROM freed)
    FROM locked WHERE bundle.id = locked.id
)
SELECT count(*) FROM freed
