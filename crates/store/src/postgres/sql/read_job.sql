-- $1 bundle, $2 seq -> the job with the light part of its result. Needs job_of_bundle.
SELECT j.seq::bigint AS seq, j.status::bigint AS status, j.attempt::bigint AS attempt,
    j.worker_id,
    CASE j.status WHEN 2 THEN 1 WHEN 1 THEN coalesce(p.fraction, 0) ELSE 0 END::float8
        AS progress,
    j.cached, j.error_code, j.error_message,
    floor(extract(epoch FROM j.created_at) * 1000)::bigint AS created_at,
    floor(extract(epoch FROM j.started_at) * 1000)::bigint AS started_at,
    floor(extract(epoch FROM j.finished_at) * 1000)::bigint AS finished_at,
    r.key AS result_key, r.outcome_hash, r.data_hash, r.metrics::text AS metrics,
    r.summary::text AS summary
FROM job j LEFT JOIN result r ON r.key = j.result_key
LEFT JOIN job_progress p ON p.job_id = j.id AND p.attempt = j.attempt
WHERE j.bundle_id = $1 AND j.seq = $2
