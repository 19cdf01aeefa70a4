-- ?1 worker, ?2 job, ?3 attempt -> whether this attempt already ended the job.
SELECT EXISTS (
    SELECT 1 FROM job WHERE id = ?2 AND attempt = ?3 AND worker_id = ?1 AND status >= 2
)
