-- $1 owner -> how many more of its jobs may be claimable or running.
-- The jobs that are: those released and not ended; of a paused bundle only those that run.
SELECT greatest(0, cap.running - coalesce((
    SELECT sum(CASE b.status WHEN 2 THEN s.running ELSE b.released - s.ended END)
    FROM bundle b CROSS JOIN LATERAL (
        SELECT coalesce(sum(completed + failed + cancelled), 0) AS ended,
            coalesce(sum(running), 0) AS running
        FROM bundle_slot WHERE bundle_id = b.id
    ) s
    WHERE b.owner = cap.owner AND b.finished_at IS NULL AND b.released IS NOT NULL
), 0))::bigint
FROM owner_cap cap WHERE cap.owner = $1
