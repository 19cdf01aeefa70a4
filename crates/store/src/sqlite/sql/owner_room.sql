-- ?1 owner -> how many more of its jobs may be claimable or running: as in PostgreSQL.
SELECT max(0, cap.running - coalesce((
    SELECT sum(CASE b.status
        WHEN 2 THEN (
            SELECT coalesce(sum(running), 0) FROM bundle_slot WHERE bundle_id = b.id
        )
        ELSE b.released - (
            SELECT coalesce(sum(completed + failed + cancelled), 0)
            FROM bundle_slot WHERE bundle_id = b.id
        )
    END)
    FROM bundle b
    WHERE b.owner = cap.owner AND b.finished_at IS NULL AND b.released IS NOT NULL
), 0))
FROM owner_cap cap WHERE cap.owner = ?1
