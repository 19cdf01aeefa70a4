-- -> claimable, on hold, running, age of the oldest claimable in seconds, dead rows, age of the
-- oldest snapshot in seconds.
SELECT
    (SELECT count(*) FROM job WHERE status = 0 AND hold = 0),
    (SELECT count(*) FROM job WHERE status = 0 AND hold <> 0),
    (SELECT count(*) FROM job WHERE status = 1),
    (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
        FROM job WHERE status = 0 AND hold = 0),
    coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'job'::regclass), 0),
    (SELECT coalesce(extract(epoch FROM now() - min(xact_start)), 0)::float8 FROM pg_stat_activity
        WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
            AND (datname = current_database() OR backend_type = 'walsender'))
