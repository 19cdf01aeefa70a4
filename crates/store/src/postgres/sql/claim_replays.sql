-- $1 worker, $2 limit -> one row per claimed replay with its job and the result to compare with.
-- As in claim_jobs, in a key namespace of its own (16969). Needs replay_claimable.
WITH candidate AS MATERIALIZED (
    SELECT id FROM replay WHERE status = 0 ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), confirmed AS MATERIALIZED (
    SELECT id FROM candidate WHERE pg_try_advisory_xact_lock((16969::bigint << 48) | id)
), claimed AS (
    UPDATE replay SET status = 1, attempt = replay.attempt + 1, worker_id = $1
    FROM confirmed WHERE replay.id = confirmed.id AND replay.status = 0
    RETURNING replay.id, replay.attempt, replay.job_id
)
SELECT claimed.id, claimed.attempt::bigint AS attempt, job.bundle_id, job.seq::bigint AS seq,
    job.spec_key, result.key AS result_key, result.outcome_hash, result.data_hash,
    result.engine_version
FROM claimed JOIN job ON job.id = claimed.job_id LEFT JOIN result ON result.key = job.result_key
ORDER BY claimed.id
