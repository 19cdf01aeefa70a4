-- ?1 bundle, ?2 now -> the bundle, if all its jobs are final and nobody had said so.
UPDATE bundle SET
    finished_at = ?2, revision = revision + 1,
    status = CASE
        WHEN cancel THEN 5
        WHEN total = 0 OR 0 < (SELECT sum(completed) FROM bundle_slot WHERE bundle_id = bundle.id)
            THEN 3
        ELSE 4
    END
WHERE id = ?1 AND finished_at IS NULL AND total = (
    SELECT coalesce(sum(completed + failed + cancelled), 0)
    FROM bundle_slot WHERE bundle_id = bundle.id
)
RETURNING id
