-- $1 bundle, $2 after this seq or null, $3 limit -> result key, settings and daily returns of completed
-- jobs, ascending by seq. Needs job_of_bundle.
SELECT j.seq::bigint AS seq, r.key AS result_key, (r.summary -> 'settings')::text AS settings,
    r.daily_returns
FROM job j JOIN result r ON r.key = j.result_key
WHERE j.bundle_id = $1 AND j.status = 2 AND ($2::integer IS NULL OR j.seq > $2)
ORDER BY j.seq LIMIT $3
