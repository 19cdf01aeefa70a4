-- Removes the progress of jobs that no longer run. Who ends a job removes what it sees; a report that
-- commits at the same moment is not seen, and stays. Reads all of job_progress, a row a running job.
DELETE FROM job_progress USING job WHERE job.id = job_progress.job_id AND job.status <> 1
