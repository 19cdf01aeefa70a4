-- $1 bundles -> those that are final now: all their jobs are, and nobody had said so.
-- Run it in a statement after the commit that counted: two last finishers do not see each other
-- before. A bundle that was decided about while this waited for its row (a retry) has another
-- revision: it is left to the statement after that decision.
WITH summed AS (
    SELECT b.id, b.total, b.revision, coalesce(sum(s.completed), 0) AS completed,
        coalesce(sum(s.completed + s.failed + s.cancelled), 0) AS ended
    FROM bundle b LEFT JOIN bundle_slot s ON s.bundle_id = b.id
    WHERE b.id = ANY ($1::uuid[]) AND b.finished_at IS NULL
    GROUP BY b.id
)
UPDATE bundle SET
    finished_at = now(), revision = bundle.revision + 1,
    status = CASE
        WHEN bundle.cancel THEN 5 WHEN summed.completed > 0 OR bundle.total = 0 THEN 3 ELSE 4
    END
FROM summed
WHERE bundle.id = summed.id AND bundle.finished_at IS NULL AND summed.ended = summed.total
    AND bundle.revision = summed.revision
RETURNING bundle.id
