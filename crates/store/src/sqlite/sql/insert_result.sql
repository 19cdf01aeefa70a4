-- ?1 key, ?2 outcome hash, ?3 data hash, ?4 metrics, ?5 summary, ?6 daily returns, ?7 detail,
-- ?8 engine version, ?9 attempt, ?10 worker, ?11 now -> one row if the key is new.
INSERT INTO result (key, outcome_hash, data_hash, metrics, summary, daily_returns, detail,
    engine_version, attempt, worker_id, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (key) DO NOTHING
RETURNING key
