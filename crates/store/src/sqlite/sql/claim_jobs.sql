-- ?1 worker, ?2 limit, ?3 now -> one row per claimed job, in no order.
-- Needs job_claimable, which has the order of the claim.
UPDATE job SET status = 1, attempt = attempt + 1, worker_id = ?1, started = 0, started_at = ?3
WHERE id IN (
    SELECT id FROM job WHERE status = 0 AND hold = 0
    ORDER BY rank, turn, created_at, id LIMIT ?2
)
RETURNING id, attempt, bundle_id, seq, spec_key, suspect, rank, turn, created_at
