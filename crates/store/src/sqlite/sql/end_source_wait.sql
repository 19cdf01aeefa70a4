-- ?1 worker, ?2 JSON rows [job, attempt, fraction]. A job that reports progress has its candles.
UPDATE job SET source_since = NULL
WHERE source_since IS NOT NULL AND worker_id = ?1 AND status = 1
    AND id IN (SELECT value ->> 0 FROM json_each(?2))
