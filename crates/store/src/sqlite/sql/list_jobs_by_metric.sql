-- ?1 bundle; ?2 status, ?3 error code, ?4 JSON list of seqs, ?5 after this seq: each null for any;
-- ?6 limit, ?7 metric, ?8 1.0 for ascending or -1.0, ?9 metric of the row of ?5 or null
-- -> jobs by the metric, those without it last, equal ones by seq.
WITH listed AS (
    SELECT j.seq, j.status, j.attempt, j.worker_id,
    CASE j.status WHEN 2 THEN 1.0 WHEN 1 THEN coalesce(p.fraction, 0.0) ELSE 0.0 END AS progress,
    j.cached, j.error_code, j.error_message, j.created_at, j.started_at, j.finished_at,
    r.key AS result_key, r.outcome_hash, r.data_hash, r.metrics, r.summary,
        ?8 * (
            SELECT m.value FROM json_each(r.metrics) AS m
            WHERE m.key = ?7 AND m.type IN ('integer', 'real')
        ) AS sort_value
    FROM job j LEFT JOIN result r ON r.key = j.result_key
LEFT JOIN job_progress p ON p.job_id = j.id AND p.attempt = j.attempt
    WHERE j.bundle_id = ?1 AND (?2 IS NULL OR j.status = ?2) AND (?3 IS NULL OR j.error_code = ?3)
    AND (?4 IS NULL OR j.seq IN (SELECT value FROM json_each(?4)))
)
SELECT * FROM listed
WHERE ?5 IS NULL
    OR (?9 IS NULL AND sort_value IS NULL AND seq > ?5)
    OR (?9 IS NOT NULL AND (
        sort_value IS NULL OR sort_value > ?8 * ?9 OR (sort_value = ?8 * ?9 AND seq > ?5)
    ))
ORDER BY sort_value IS NULL, sort_value, seq LIMIT ?6
