-- $1 lease and $2 grace in seconds, $3 whether leases may be judged, $4 whether presence may,
-- $5 attempts allowed, $6 answer of a replay that used them up. Needs replay_running.
-- Dead workers are told as in reap_jobs.
WITH owner AS MATERIALIZED (
    SELECT DISTINCT worker_id FROM replay WHERE status = 1
), silent AS MATERIALIZED (
    SELECT w.id, w.presence, w.beat_at < now() - make_interval(secs => $1) AS lapsed
    FROM worker w
    WHERE w.id IN (SELECT worker_id FROM owner)
        AND w.beat_at < now() - make_interval(secs => least($1, $2))
    ORDER BY w.id FOR NO KEY UPDATE SKIP LOCKED
), dead AS MATERIALIZED (
    SELECT id FROM silent WHERE CASE
        WHEN lapsed AND $3 THEN true
        WHEN presence AND $4 THEN pg_try_advisory_xact_lock((16967::bigint << 48) | id)
        ELSE false
    END
)
UPDATE replay SET
    status = CASE WHEN attempt >= $5 THEN 3 ELSE 0 END,
    answer = CASE WHEN attempt >= $5 THEN $6::text::json END,
    ended_at = CASE WHEN attempt >= $5 THEN now() END,
    worker_id = NULL
FROM dead WHERE replay.worker_id = dead.id AND replay.status = 1
