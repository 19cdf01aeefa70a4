-- $1 owner -> its bundles with jobs that wait for the cap, in the order of their claim.
SELECT id FROM bundle
WHERE owner = $1 AND finished_at IS NULL AND released < total AND NOT cancel AND status <> 2
ORDER BY rank, created_at, id
