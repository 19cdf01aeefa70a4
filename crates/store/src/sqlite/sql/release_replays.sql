-- ?1 worker. What it holds is to be replayed by another.
UPDATE replay SET status = 0, worker_id = NULL WHERE worker_id = ?1 AND status = 1
