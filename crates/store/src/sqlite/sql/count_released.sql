-- ?1 bundle. Its jobs that do not wait for the cap are counted anew.
UPDATE bundle SET released = total - (
    SELECT count(*) FROM job WHERE bundle_id = bundle.id AND hold & 4 <> 0
)
WHERE id = ?1
