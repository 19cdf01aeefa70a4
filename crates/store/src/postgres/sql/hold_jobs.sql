-- $1 bundle. Its pending jobs are not claimed from now on; a running one is held when it comes back.
-- One statement for both, so that no job slips from one to the other in between.
WITH target AS MATERIALIZED (
    SELECT id FROM job WHERE bundle_id = $1 AND status IN (0, 1)
    ORDER BY id + 0 FOR NO KEY UPDATE
)
UPDATE job SET hold = job.hold | 1
FROM target WHERE job.id = target.id AND job.status IN (0, 1)
