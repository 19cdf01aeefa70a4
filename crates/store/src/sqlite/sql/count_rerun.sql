-- ?1 bundle, ?2 status of the jobs or null for failed and cancelled ones -> failed, cancelled.
SELECT count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4) FROM job
WHERE bundle_id = ?1 AND status IN (3, 4) AND (?2 IS NULL OR status = ?2)
