-- ?1 bundle, ?2 rank. Also of running jobs: they may come back.
UPDATE job SET rank = ?2 WHERE bundle_id = ?1 AND status IN (0, 1)
