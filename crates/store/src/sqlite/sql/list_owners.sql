-- -> worker, its beat and whether a presence backs it, of each worker that holds jobs.
SELECT w.id, w.beat_at, w.presence FROM worker w
WHERE w.id IN (SELECT DISTINCT worker_id FROM job WHERE status = 1)
ORDER BY w.id
