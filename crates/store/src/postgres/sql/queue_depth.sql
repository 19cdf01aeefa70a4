-- -> claimable, on hold, running, age of the oldest claimable in seconds.
SELECT
    (SELECT count(*) FROM job WHERE status = 0 AND hold = 0),
    (SELECT count(*) FROM job WHERE status = 0 AND hold <> 0),
    (SELECT count(*) FROM job WHERE status = 1),
    (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
        FROM job WHERE status = 0 AND hold = 0)
