-- One element a result: $1 jobs, $2 keys, $3 outcome hashes, $4 details; $5 error code, $6 error
-- message -> jobs whose outcome differs from the one that stands under its key; they are marked.
WITH differing AS (
    SELECT new.id, new.key, new.outcome_hash, new.detail
    FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[])
        AS new (id, key, outcome_hash, detail)
    JOIN result ON result.key = new.key AND result.outcome_hash <> new.outcome_hash
), recorded AS (
    INSERT INTO result_conflict (key, outcome_hash, job_id, detail)
    SELECT key, outcome_hash, id, detail FROM differing
    ON CONFLICT (key, outcome_hash, job_id) DO NOTHING
)
UPDATE job SET error_code = $5, error_message = $6
FROM differing WHERE job.id = differing.id
RETURNING job.id
