-- $1 bundle; $2 status, $3 error code, $4 seqs, $5 after this seq: each null for any; $6 limit,
-- $7 metric, $8 1.0 for ascending or -1.0, $9 metric of the row of $5 or null
-- -> jobs by the metric, those without it last, equal ones by seq. Needs job_of_bundle.
-- The order is made of narrow rows, the page is joined to the wide ones.
WITH sorted AS MATERIALIZED (
    SELECT j.id, j.seq, CASE jsonb_typeof(r.metrics -> $7::text)
        WHEN 'number' THEN $8::float8 * (r.metrics ->> $7)::float8
    END AS sort_value
    FROM job j LEFT JOIN result r ON r.key = j.result_key
    WHERE j.bundle_id = $1 AND ($2::smallint IS NULL OR j.status = $2)
    AND ($3::text IS NULL OR j.error_code = $3)
    AND ($4::integer[] IS NULL OR j.seq = ANY ($4))
), page AS MATERIALIZED (
    SELECT * FROM sorted
    WHERE $5::integer IS NULL
        OR ($9::float8 IS NULL AND sort_value IS NULL AND seq > $5)
        OR ($9 IS NOT NULL AND (
            sort_value IS NULL OR sort_value > $8 * $9 OR (sort_value = $8 * $9 AND seq > $5)
        ))
    ORDER BY sort_value NULLS LAST, seq LIMIT $6
)
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
FROM page JOIN job j ON j.id = page.id LEFT JOIN result r ON r.key = j.result_key
LEFT JOIN job_progress p ON p.job_id = j.id AND p.attempt = j.attempt
ORDER BY page.sort_value NULLS LAST, page.seq
