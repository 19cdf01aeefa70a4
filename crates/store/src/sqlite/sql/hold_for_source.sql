-- ?1 worker, ?2 job, ?3 attempt, ?4 now, ?5 backoff and ?6 timeout in milliseconds
-- -> bundle, status and start of a job whose candle source is away.
UPDATE job SET
    status = CASE WHEN cancel THEN 4
        WHEN ?4 - coalesce(source_since, ?4) > ?6 THEN 3 ELSE 0 END,
    error_code = iif(NOT cancel AND ?4 - coalesce(source_since, ?4) > ?6,
        'source_unavailable', NULL),
    error_message = iif(NOT cancel AND ?4 - coalesce(source_since, ?4) > ?6,
        'the candle source did not answer for ' || ((?4 - source_since) / 1000) || ' s', NULL),
    finished_at = iif(cancel OR ?4 - coalesce(source_since, ?4) > ?6, ?4, NULL),
    hold = iif(cancel OR ?4 - coalesce(source_since, ?4) > ?6, hold, hold | 2),
    not_before = iif(cancel OR ?4 - coalesce(source_since, ?4) > ?6, NULL, ?4 + ?5),
    source_since = coalesce(source_since, ?4), worker_id = NULL, started = 0
WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status = 1
RETURNING bundle_id, status, started_at
