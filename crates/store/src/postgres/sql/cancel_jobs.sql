-- $1 bundle -> how many jobs were called off. Pending ones end now, running ones are flagged: their
-- workers see it at the next beat. One statement for both, so that no job slips from one to the
-- other in between.
WITH target AS MATERIALIZED (
    SELECT id FROM job WHERE bundle_id = $1 AND status IN (0, 1)
    ORDER BY id + 0 FOR NO KEY UPDATE
), changed AS (
    UPDATE job SET
        cancel = true,
        status = CASE job.status WHEN 0 THEN 4 ELSE job.status END,
        finished_at = CASE job.status WHEN 0 THEN now() END,
        hold = CASE job.status WHEN 0 THEN 0 ELSE job.hold END,
        not_before = NULL
    FROM target WHERE job.id = target.id AND job.status IN (0, 1)
    RETURNING job.status
), counted AS (
    INSERT INTO bundle_slot AS slot (bundle_id, slot, cancelled, changes)
    SELECT $1::uuid, 0, count(*) FILTER (WHERE status = 4), 1 FROM changed HAVING count(*) > 0
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        cancelled = slot.cancelled + excluded.cancelled,
        changes = slot.changes + 1, changed_at = now()
)
SELECT count(*) FROM changed
