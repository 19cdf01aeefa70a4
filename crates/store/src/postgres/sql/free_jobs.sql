-- $1 bundle. Undoes hold_jobs; other causes of a hold stay.
WITH target AS MATERIALIZED (
    SELECT id FROM job WHERE bundle_id = $1 AND status IN (0, 1) AND hold & 1 <> 0
    ORDER BY id + 0 FOR NO KEY UPDATE
)
UPDATE job SET hold = job.hold & ~1
FROM target WHERE job.id = target.id AND job.status IN (0, 1)
