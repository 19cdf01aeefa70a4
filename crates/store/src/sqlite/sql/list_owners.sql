-- -> worker, its beat and whether a presence backs it, of each worker that holds jobs or replays.
SELECT w.id, w.beat_at, w.presence FROM worker w
WHERE w.id IN (
    SELECT worker_id FROM job WHERE status = 1 UNION SELECT worker_id FROM replay WHERE status = 1
)
ORDER BY w.id
