-- $1 bundle, $2 rank, $3 seqs, $4 spec keys, $5 result keys or nulls -> how many were completed.
-- Like insert_jobs, but a job whose result stands is Completed at once.
WITH stored AS (
    INSERT INTO job
        (bundle_id, seq, spec_key, rank, created_at, status, cached, result_key, finished_at)
    SELECT $1::uuid, new.seq, new.spec_key, $2::smallint, now(),
        CASE WHEN result.key IS NULL THEN 0 ELSE 2 END,
        result.key IS NOT NULL, result.key, CASE WHEN result.key IS NOT NULL THEN now() END
    FROM unnest($3::integer[], $4::bytea[], $5::bytea[]) AS new (seq, spec_key, result_key)
    LEFT JOIN result ON result.key = new.result_key
    ORDER BY new.seq
    RETURNING cached
)
SELECT count(*) FILTER (WHERE cached) FROM stored
