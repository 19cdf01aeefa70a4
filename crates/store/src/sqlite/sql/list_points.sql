-- ?1 bundle, ?2 metric, ?3 after this seq or null, ?4 limit -> seq, status and metric of jobs
-- ascending by seq; null where the metric is undefined. Needs job_of_bundle.
-- A metric is a number or absent, so one look into the JSON is enough.
SELECT j.seq, j.status, CAST(json_extract(r.metrics, '$.' || ?2) AS REAL) AS value
FROM job j LEFT JOIN result r ON r.key = j.result_key
WHERE j.bundle_id = ?1 AND (?3 IS NULL OR j.seq > ?3)
ORDER BY j.seq LIMIT ?4
