-- ?1 replay -> it with its job and the result to compare with.
SELECT replay.id, replay.attempt, job.bundle_id, job.seq, job.spec_key,
    result.key AS result_key, result.outcome_hash, result.data_hash, result.engine_version
FROM replay JOIN job ON job.id = replay.job_id LEFT JOIN result ON result.key = job.result_key
WHERE replay.id = ?1
