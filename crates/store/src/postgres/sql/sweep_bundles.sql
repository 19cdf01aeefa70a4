-- -> bundles whose jobs are all final though the bundle is not. Needs bundle_unfinished.
SELECT b.id FROM bundle b LEFT JOIN bundle_slot s ON s.bundle_id = b.id
WHERE b.finished_at IS NULL
GROUP BY b.id
HAVING coalesce(sum(s.completed + s.failed + s.cancelled), 0) = b.total
