-- ?1 worker, ?2 limit. Needs replay_claimable.
UPDATE replay SET status = 1, attempt = attempt + 1, worker_id = ?1
WHERE id IN (SELECT id FROM replay WHERE status = 0 ORDER BY id LIMIT ?2)
RETURNING id
