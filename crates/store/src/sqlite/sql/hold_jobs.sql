-- ?1 bundle. Its pending jobs are not claimed from now on; a running one is held when it comes back.
UPDATE job SET hold = hold | 1 WHERE bundle_id = ?1 AND status IN (0, 1)
