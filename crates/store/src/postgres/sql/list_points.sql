-- $1 bundle, $2 metric, $3 after this seq or null, $4 limit -> seq, status and metric of jobs ascending
-- by seq; null where the metric is undefined. Needs job_of_bundle.
SELECT j.seq::bigint AS seq, j.status::bigint AS status,
    CASE jsonb_typeof(r.metrics -> $2::text) WHEN 'number' THEN (r.metrics ->> $2)::float8 END
        AS value
FROM job j LEFT JOIN result r ON r.key = j.result_key
WHERE j.bundle_id = $1 AND ($3::integer IS NULL OR j.seq > $3)
ORDER BY j.seq LIMIT $4
