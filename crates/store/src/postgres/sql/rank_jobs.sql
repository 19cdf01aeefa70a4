-- $1 bundle, $2 rank. Also of running jobs: they may come back.
WITH target AS MATERIALIZED (
    SELECT id FROM job WHERE bundle_id = $1 AND status IN (0, 1)
    ORDER BY id + 0 FOR NO KEY UPDATE
)
UPDATE job SET rank = $2
FROM target WHERE job.id = target.id AND job.status IN (0, 1)
