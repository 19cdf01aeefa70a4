-- $1 job, $2 key, $3 outcome hash, $4 detail, $5 error code, $6 error message. Marks the job.
WITH recorded AS (
    INSERT INTO result_conflict (key, outcome_hash, job_id, detail)
    VALUES ($2, $3, $1, $4)
    ON CONFLICT (key, outcome_hash, job_id) DO NOTHING
)
UPDATE job SET error_code = $5, error_message = $6 WHERE id = $1
