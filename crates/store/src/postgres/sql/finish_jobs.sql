-- $1 worker; one element a finish, ascending by job: $2 jobs, $3 attempts, $4 statuses, $5 cached,
-- $6 result keys, $7 error codes, $8 error messages; one element a result: $9 jobs, $10 keys,
-- $11 outcome hashes, $12 data hashes, $13 metrics, $14 summaries, $15 daily returns, $16 details;
-- $17 engine version -> job, attempt and bundle of each finish that was written, how many
-- results were, and whether their owners have a cap.
-- Nothing is joined: before the first ANALYZE, and in a plan for any number of elements, the planner
-- expects so few rows that it would compare all of them with each other. An element is found by the
-- place of its job among the ascending $2 (width_bucket is a binary search), and a list of ids is
-- hashed (IS TRUE keeps it from becoming a join). The + keeps job_running out of it, which would
-- read all that the worker holds.
-- Several of these run at once, of one worker and of many. They never wait for each other in a circle:
-- jobs and their progress belong to one statement alone; what statements share is taken in one
-- order, first results, ascending by key, then counts, ascending by bundle (a statement's unread parts
-- run from the last to the first, so `counted` before `cleared`), and with these only the commit
-- is left.
-- The fence is in `ended`: where it writes no row, nothing is written anywhere. A job is completed
-- from a standing result only while that stands.
WITH ended AS (
    UPDATE job SET
        status = ($4::smallint[])[width_bucket(id, $2::bigint[])],
        cached = ($5::boolean[])[width_bucket(id, $2::bigint[])],
        result_key = ($6::bytea[])[width_bucket(id, $2::bigint[])],
        error_code = ($7::text[])[width_bucket(id, $2::bigint[])],
        error_message = ($8::text[])[width_bucket(id, $2::bigint[])],
        finished_at = now(), source_since = NULL
    WHERE id = ANY ($2::bigint[])
        AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])]
        AND worker_id = $1 AND status + 0 = 1
        AND (
            NOT ($5::boolean[])[width_bucket(id, $2::bigint[])] OR EXISTS (
                SELECT 1 FROM result
                WHERE result.key = ($6::bytea[])[width_bucket(job.id, $2::bigint[])]
            )
        )
    RETURNING id, bundle_id, attempt, status, cached
), stored AS (
    INSERT INTO result (key, outcome_hash, data_hash, metrics, summary, daily_returns, detail,
        engine_version, attempt, worker_id)
    SELECT new.key, new.outcome_hash, new.data_hash, new.metrics::jsonb, new.summary::json,
        new.daily_returns, new.detail, $17, ($3::integer[])[width_bucket(new.id, $2::bigint[])], $1
    FROM unnest(
        $9::bigint[], $10::bytea[], $11::bytea[], $12::bytea[], $13::text[], $14::text[],
        $15::bytea[], $16::bytea[]
    ) AS new (id, key, outcome_hash, data_hash, metrics, summary, daily_returns, detail)
    WHERE (new.id IN (SELECT id FROM ended)) IS TRUE
    ORDER BY new.key
    ON CONFLICT (key) DO NOTHING
    RETURNING key
), cleared AS (
    DELETE FROM job_progress
    WHERE job_id = ANY ($2::bigint[]) AND (job_id IN (SELECT id FROM ended)) IS TRUE
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
