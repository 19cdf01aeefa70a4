-- ?1 bundle, ?2 seq -> the job with the light part of its result. Needs job_of_bundle.
SELECT j.seq, j.status, j.attempt, j.worker_id,
    CASE j.status WHEN 2 THEN 1.0 WHEN 1 THEN coalesce(p.fraction, 0.0) ELSE 0.0 END AS progress,
    j.cached, j.error_code, j.error_message, j.created_at, j.started_at, j.finished_at,
    r.key AS result_key, r.outcome_hash, r.data_hash, r.metrics, r.summary
FROM job j LEFT JOIN result r ON r.key = j.result_key
LEFT JOIN job_progress p ON p.job_id = j.id AND p.attempt = j.attempt
WHERE j.bundle_id = ?1 AND j.seq = ?2
