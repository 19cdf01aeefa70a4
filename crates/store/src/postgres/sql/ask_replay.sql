-- $1 bundle, $2 seq. A completed job gets a replay, unless one of it is still to be answered.
INSERT INTO replay (job_id)
SELECT job.id FROM job
WHERE job.bundle_id = $1 AND job.seq = $2 AND job.status = 2
    AND NOT EXISTS (SELECT 1 FROM replay WHERE replay.job_id = job.id AND replay.status < 2)
