-- ?1 bundle. Flags the running jobs: their workers see it at the next beat.
UPDATE job SET cancel = 1 WHERE bundle_id = ?1 AND status = 1
