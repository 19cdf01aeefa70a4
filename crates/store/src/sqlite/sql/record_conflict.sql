-- ?1 key, ?2 outcome hash, ?3 job, ?4 detail, ?5 now.
INSERT INTO result_conflict (key, outcome_hash, job_id, detail, created_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (key, outcome_hash, job_id) DO NOTHING
