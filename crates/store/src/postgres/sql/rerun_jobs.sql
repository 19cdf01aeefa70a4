-- $1 bundle, $2 status of the jobs or null for failed and cancelled ones -> how many are pending again.
-- Their counts are taken back in slot 0. A job starts a new count of failures and losses; only its
-- attempt goes on, which fences off whoever held it before.
WITH target AS MATERIALIZED (
    SELECT id, status FROM job
    WHERE bundle_id = $1 AND status IN (3, 4) AND ($2::smallint IS NULL OR status = $2)
    ORDER BY id + 0 FOR NO KEY UPDATE
), changed AS (
    UPDATE job SET
        status = 0, hold = CASE bundle.status WHEN 2 THEN 1 ELSE 0 END
            | CASE WHEN bundle.released IS NULL THEN 0 ELSE 4 END,
        rank = bundle.rank,
        failures = 0, losses = 0, started = false, cancel = false, cached = false,
        worker_id = NULL, not_before = NULL, source_since = NULL, finished_at = NULL,
        result_key = NULL, error_code = NULL, error_message = NULL
    FROM target, bundle WHERE job.id = target.id AND bundle.id = $1
    RETURNING target.status AS before
), counted AS (
    INSERT INTO bundle_slot AS slot (bundle_id, slot, failed, cancelled, changes)
    SELECT $1::uuid, 0, -count(*) FILTER (WHERE before = 3), -count(*) FILTER (WHERE before = 4), 1
    FROM changed HAVING count(*) > 0
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        failed = slot.failed + excluded.failed, cancelled = slot.cancelled + excluded.cancelled,
        changes = slot.changes + 1, changed_at = now()
)
SELECT count(*) FROM changed
