-- ?1 now -> claimable, on hold, running, age of the oldest claimable in seconds.
SELECT
    (SELECT count(*) FROM job WHERE status = 0 AND hold = 0),
    (SELECT count(*) FROM job WHERE status = 0 AND hold <> 0),
    (SELECT count(*) FROM job WHERE status = 1),
    (SELECT coalesce(max(?1 - created_at, 0), 0) / 1000.0
        FROM (SELECT min(created_at) AS created_at FROM job WHERE status = 0 AND hold = 0))
