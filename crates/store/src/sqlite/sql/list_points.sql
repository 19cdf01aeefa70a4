-- ?1 bundle, ?2 metric, ?3 after this seq or null, ?4 limit -> seq, status and metric of jobs
-- ascending by seq; null where the metric is undefined. Needs job_of_bundle.
SELECT j.seq, j.status,
    CASE WHEN json_type(r.metrics, '$.' || ?2) IN ('integer', 'real')
        THEN CAST(json_extract(r.metrics, '$.' || ?2) AS REAL)
    END AS value
FROM job j LEFT JOIN result r ON r.key = j.result_key
WHERE j.bundle_id = ?1 AND (?3 IS NULL OR j.seq > ?3)
ORDER BY j.seq LIMIT ?4
