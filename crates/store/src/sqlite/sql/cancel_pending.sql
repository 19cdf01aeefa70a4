-- ?1 bundle, ?2 now. Calls the pending jobs off.
UPDATE job SET status = 4, finished_at = ?2, cancel = 1, hold = 0, not_before = NULL
WHERE bundle_id = ?1 AND status = 0
