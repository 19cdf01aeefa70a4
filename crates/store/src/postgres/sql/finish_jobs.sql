-- $1 worker; one element a finish, ascending by job: $2 jobs, $3 attempts, $4 statuses, $5 cached,
-- $6 result keys, $7 error codes, $8 error messages; one element a result: $9 jobs, $10 keys,
-- $11 outcome hashes, $12 data hashes, $13 metrics, $14 summaries, $15 daily returns, $16 details;
-- $17 engine version -> job, attempt and bundle of each finish that was written, how many
-- results were, and whether their owners have a cap.
-- Rows are found by their ids: the + keeps job_running out of it, which would read all that the
-- worker holds for each of them. ANY bounds what is joined: before the first ANALYZE the planner
-- expects one row of the table, and would compare all of them with each element.
-- The fence is in `ended`: where it writes no row, nothing is written anywhere. A job is completed
-- from a standing result only while that stands.
WITH ended AS (
    UPDATE job SET
        status = new.status, cached = new.cached, result_key = new.result_key,
        error_code = new.error_code, error_message = new.error_message, finished_at = now(),
        source_since = NULL
    FROM unnest(
        $2::bigint[], $3::integer[], $4::smallint[], $5::boolean[], $6::bytea[], $7::text[],
        $8::text[]
    ) AS new (id, attempt, status, cached, result_key, error_code, error_message)
    WHERE job.id = ANY ($2::bigint[]) AND job.id = new.id AND job.attempt = new.attempt
        AND job.worker_id = $1 AND job.status + 0 = 1
        AND (NOT new.cached OR EXISTS (SELECT 1 FROM result WHERE result.key = new.result_key))
    RETURNING job.id, job.bundle_id, job.attempt, job.status, job.cached
), stored AS (
    INSERT INTO result (key, outcome_hash, data_hash, metrics, summary, daily_returns, detail,
        engine_version, attempt, worker_id)
    SELECT new.key, new.outcome_hash, new.data_hash, new.metrics::jsonb, new.summary::json,
        new.daily_returns, new.detail, $17, ended.attempt, $1
    FROM unnest(
        $9::bigint[], $10::bytea[], $11::bytea[], $12::bytea[], $13::text[], $14::text[],
        $15::bytea[], $16::bytea[]
    ) AS new (id, key, outcome_hash, data_hash, metrics, summary, daily_returns, detail)
    JOIN ended ON ended.id = new.id
    ORDER BY new.key
    ON CONFLICT (key) DO NOTHING
    RETURNING key
), cleared AS (
    DELETE FROM job_progress USING ended WHERE job_progress.job_id = ended.id
), counted AS (
    INSERT INTO bundle_slot AS slot
        (bundle_id, slot, completed, failed, cancelled, cached, running, changes)
    SELECT bundle_id, $1, count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),
        count(*) FILTER (WHERE status = 4), count(*) FILTER (WHERE cached), -count(*), 1
    FROM ended GROUP BY bundle_id ORDER BY bundle_id
    ON CONFLICT (bundle_id, slot) DO UPDATE SET
        completed = slot.completed + excluded.completed, failed = slot.failed + excluded.failed,
        cancelled = slot.cancelled + excluded.cancelled, cached = slot.cached + excluded.cached,
        running = slot.running + excluded.running,
        candles_per_second = CASE
            WHEN slot.running + excluded.running > 0 THEN slot.candles_per_second ELSE 0
        END,
        changes = slot.changes + 1, changed_at = now()
)
SELECT ended.id, ended.attempt, ended.bundle_id, (SELECT count(*) FROM stored) AS stored,
    EXISTS (
        SELECT 1 FROM bundle
        WHERE id IN (SELECT bundle_id FROM ended) AND released IS NOT NULL
    ) AS capped
FROM ended
