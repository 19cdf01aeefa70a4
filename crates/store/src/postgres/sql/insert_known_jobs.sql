-- $1 bundle, $2 rank, $3 seqs, $4 spec keys, $5 result keys or nulls, $6 jobs of the bundle before
-- these, $7 first turn, $8 jobs a turn (0: all in turn 0), $9 how many jobs may be claimable or null
-- -> how many were completed, and how many wait for their owner's cap.
-- Like insert_jobs, but a job whose result stands is Completed at once.
WITH stored AS (
    INSERT INTO job
        (bundle_id, seq, spec_key, rank, created_at, status, cached, result_key, finished_at, turn,
        hold)
    SELECT $1::uuid, new.seq, new.spec_key, $2::smallint, now(),
        CASE WHEN result.key IS NULL THEN 0 ELSE 2 END,
        result.key IS NOT NULL, result.key, CASE WHEN result.key IS NOT NULL THEN now() END,
        CASE WHEN $8::bigint > 0 THEN $7::bigint + ($6::bigint + new.n - 1) / $8::bigint ELSE 0 END,
        CASE WHEN result.key IS NULL AND $6::bigint + new.n > $9::bigint THEN 4 ELSE 0 END
    FROM unnest($3::integer[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
        AS new (seq, spec_key, result_key, n)
    LEFT JOIN result ON result.key = new.result_key
    ORDER BY new.seq
    RETURNING cached, hold
)
SELECT count(*) FILTER (WHERE cached), count(*) FILTER (WHERE hold <> 0) FROM stored
