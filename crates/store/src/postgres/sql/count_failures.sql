-- $1 bundle -> error code and number of failed jobs with it.
SELECT coalesce(error_code, ''), count(*) FROM job
WHERE bundle_id = $1 AND status = 3 GROUP BY 1
