-- ?1 bundle. Undoes hold_jobs; other causes of a hold stay.
UPDATE job SET hold = hold & ~1 WHERE bundle_id = ?1 AND status IN (0, 1) AND hold & 1 <> 0
