-- ?1 worker, ?2 job, ?3 attempt -> one row if the job is held.
UPDATE job SET started = 1
WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status = 1 RETURNING id
