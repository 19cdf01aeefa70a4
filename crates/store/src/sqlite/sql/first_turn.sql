-- ?1 rank -> the turn that is being worked on: the least of a claimable job of this rank, else 0.
-- Needs job_claimable.
SELECT coalesce(
    (SELECT turn FROM job WHERE status = 0 AND hold = 0 AND rank = ?1 ORDER BY turn LIMIT 1), 0
)
