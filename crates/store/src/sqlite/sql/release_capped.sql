-- ?1 bundle, ?2 how many of its jobs may be claimed now.
UPDATE job SET hold = hold & ~4
WHERE id IN (SELECT id FROM job WHERE bundle_id = ?1 AND hold & 4 <> 0 ORDER BY seq LIMIT ?2)
