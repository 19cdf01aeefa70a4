-- ?1 bundle -> its jobs that were completed at insert.
SELECT count(*) FROM job WHERE bundle_id = ?1 AND status = 2
