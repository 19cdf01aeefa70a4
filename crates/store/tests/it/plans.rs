//! Plans of the claim, pinned: its index, no sort, no lock too many.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::fixture::{Engine, Fixture, OUR_LOCKS, bundle};

const CLAIM: &str = include_str!("../../src/postgres/sql/claim_jobs.sql");

/// A session like the store's, on a database with 20,000 pending jobs in two bundles.
async fn crowded(fixture: &Fixture) -> PgConnection {
    for priority in [0, 7] {
        let mut new = bundle(10_000);
        new.priority = priority;
        fixture.submit(new).await;
    }
    session(fixture).await
}

async fn session(fixture: &Fixture) -> PgConnection {
    let Engine::Postgres { url } = &fixture.engine else { unreachable!("it is PostgreSQL") };
    let mut conn = PgConnection::connect(url).await.unwrap();
    run(&mut conn, include_str!("../../src/postgres/sql/prepare_session.sql")).await;
    conn
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.unwrap();
}

/// Explains a claim of `limit` jobs under `settings`, and rolls it back; with it the number of
/// advisory locks it took.
async fn explain(conn: &mut PgConnection, settings: &str, limit: u32) -> (Value, usize) {
    explain_from(conn, settings, limit, "-1, -1, 0, 0, 0").await
}

/// As [`explain`], of a claim that begins at `low`: epoch and place.
async fn explain_from(
    conn: &mut PgConnection,
    settings: &str,
    limit: u32,
    low: &str,
) -> (Value, usize) {
    run(conn, "BEGIN").await;
    run(conn, settings).await;
    run(
        conn,
        &format!(
            "PREPARE claim (bigint, bigint, bigint, smallint, bigint, bigint, bigint) AS {CLAIM}"
        ),
    )
    .await;
    let sql = format!(
        "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE claim (1, {limit}, {low})"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *conn).await.unwrap();
    let plan: Value = row.get(0);
    let locks = sqlx::raw_sql(OUR_LOCKS).fetch_all(&mut *conn).await.unwrap().len();
    run(conn, "ROLLBACK; DEALLOCATE claim").await;
    (plan[0]["Plan"].clone(), locks)
}

/// All nodes of a plan, the root first.
fn nodes(plan: &Value) -> Vec<&Value> {
    let children = plan["Plans"].as_array().into_iter().flatten();
    // The look at the epoch is one row, read once.
    let children = children.filter(|node| {
        node["Parent Relationship"] != "InitPlan"
            || node["Subplan Name"].as_str().is_none_or(|name| name.starts_with("CTE "))
    });
    std::iter::once(plan).chain(children.flat_map(nodes)).collect()
}

/// The nodes that find the candidates.
fn candidate_nodes(plan: &Value) -> Vec<&Value> {
    let root = nodes(plan).into_iter().find(|node| node["Subplan Name"] == "CTE candidate");
    nodes(root.expect("the candidates are a CTE of their own"))
}

fn kinds<'a>(nodes: &[&'a Value]) -> Vec<&'a str> {
    nodes.iter().map(|node| node["Node Type"].as_str().unwrap()).collect()
}

/// Checks the plan and the locks of a claim, whichever way it is planned.
async fn check_claim(conn: &mut PgConnection, pending: &str) {
    for mode in ["force_custom_plan", "force_generic_plan"] {
        for limit in [1, 100, 256] {
            let settings = format!("SET LOCAL plan_cache_mode = {mode}");
            let (plan, locks) = explain(conn, &settings, limit).await;
            let found = candidate_nodes(&plan);
            assert_eq!(kinds(&found), ["Limit", "LockRows", "Index Scan"], "{pending}, {mode}");
            assert_eq!(found[2]["Index Name"], "job_claimable");
            assert_eq!(found[2]["Actual Rows"].as_f64(), Some(f64::from(limit)));
            assert_eq!(locks, limit as usize, "{pending}, {mode}");
        }
    }
}

#[tokio::test]
async fn a_claim_walks_its_index_whatever_the_statistics_say() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    run(&mut conn, "ALTER TABLE job SET (autovacuum_enabled = off)").await;
    check_claim(&mut conn, "without statistics").await;
    run(&mut conn, "VACUUM ANALYZE job").await;
    check_claim(&mut conn, "with statistics").await;
    // Statistics of a drained queue, then a large submit: no pending job is expected.
    run(&mut conn, "UPDATE job SET status = 4, finished_at = now()").await;
    run(&mut conn, "VACUUM ANALYZE job").await;
    let mut large = bundle(0);
    large.jobs = bundle(80_000).jobs;
    fixture.submit(large).await;
    check_claim(&mut conn, "after a drain").await;
}

#[tokio::test]
async fn a_claim_reaches_its_rows_by_their_ids() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    let (plan, _) = explain(&mut conn, "SET LOCAL plan_cache_mode = force_custom_plan", 100).await;
    let scans: Vec<&Value> = nodes(&plan)
        .into_iter()
        .filter(|node| node["Relation Name"] == "job" && node["Node Type"] != "ModifyTable")
        .collect();
    assert_eq!(kinds(&scans), ["Index Scan", "Index Scan"]);
    assert!(scans.iter().any(|scan| scan["Index Name"] == "job_pkey"));
}

#[tokio::test]
async fn a_sort_plan_takes_no_more_locks_than_rows() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    let sorting = "SET LOCAL enable_sort = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;
        SET LOCAL enable_bitmapscan = off";
    let (plan, locks) = explain(&mut conn, sorting, 5).await;
    assert!(kinds(&candidate_nodes(&plan)).contains(&"Sort"), "the plan was to be a bad one");
    assert_eq!(locks, 5);
}

#[tokio::test]
async fn under_an_old_snapshot_a_claim_reads_only_what_lies_after_the_last() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    run(&mut conn, "ALTER TABLE job SET (autovacuum_enabled = off)").await;
    let mut reader = session(&fixture).await;
    run(&mut reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM job").await;
    let worker = fixture.worker().await;
    for _ in 0..70 {
        assert_eq!(fixture.claim(worker.worker(), 256).await.len(), 256);
    }
    let last = "SELECT concat_ws(', ', (SELECT last_value FROM queue_epoch), rank, turn,
        (extract(epoch FROM created_at) * 1000000)::bigint, id)
        FROM job WHERE status = 1 ORDER BY rank DESC, turn DESC, created_at DESC, id DESC LIMIT 1";
    let low = fixture.query(last).await;
    let buffers = async |conn: &mut PgConnection, low: &str| {
        let (plan, _) = explain_from(conn, "SET LOCAL enable_seqscan = off", 256, low).await;
        let root = nodes(&plan).into_iter().find(|node| node["Subplan Name"] == "CTE candidate");
        let root = root.unwrap();
        assert_eq!(root["Actual Rows"].as_f64(), Some(256.0));
        root["Shared Hit Blocks"].as_u64().unwrap() + root["Shared Read Blocks"].as_u64().unwrap()
    };
    let (from_top, from_last) =
        (buffers(&mut conn, "-1, -1, 0, 0, 0").await, buffers(&mut conn, &low).await);
    // 256 locked rows are 256 buffers and their few index pages.
    assert!(from_last < 400, "{from_last} buffers");
    assert!(from_top > 2 * from_last, "{from_top} buffers from the top, {from_last} from the last");
    run(&mut reader, "ROLLBACK").await;
}

#[tokio::test]
async fn known_jobs_are_inserted_by_one_look_at_each_result() {
    let fixture = Fixture::postgres().await;
    let mut conn = session(&fixture).await;
    let fill =
        "INSERT INTO result SELECT sha256(n::text::bytea), sha256('o'), sha256('d'), '{}', '{}',
            '', '', '1', 1, 1, now() FROM generate_series(1, 30000) AS n; ANALYZE result";
    run(&mut conn, fill).await;
    let insert = include_str!("../../src/postgres/sql/insert_known_jobs.sql");
    run(&mut conn, "BEGIN").await;
    let keys = "(SELECT array_agg(sha256(n::text::bytea)) FROM generate_series(1, 10000) AS n)";
    let seqs = "(SELECT array_agg(n) FROM generate_series(1, 10000) AS n)";
    let values = ["gen_random_uuid()", "1000", seqs, keys, keys, "0", "0", "0", "NULL"];
    let insert = (1..).zip(values).fold(insert.to_owned(), |text, (number, value)| {
        text.replace(&format!("${number}"), value)
    });
    let sql = format!("EXPLAIN (ANALYZE, FORMAT JSON) {insert}");
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
    let plan: Value = row.get(0);
    let plan = plan[0]["Plan"].clone();
    let reads: Vec<&Value> =
        nodes(&plan).into_iter().filter(|node| node["Relation Name"] == "result").collect();
    // One pass for the ten thousand keys, or one look a key; nothing that multiplies them.
    assert_eq!(reads.len(), 1, "{plan}");
    let read =
        reads[0]["Actual Rows"].as_f64().unwrap() * reads[0]["Actual Loops"].as_f64().unwrap();
    assert!(read <= 30_000.0, "{read}");
    run(&mut conn, "ROLLBACK").await;
}

/// Rows that the nodes of a plan went through to find theirs, without those of single looks at a key.
fn rows_read(plan: &Value) -> f64 {
    let number = |node: &Value, name: &str| node[name].as_f64().unwrap_or(0.0);
    let rows = nodes(plan).into_iter().map(|node| {
        let removed = number(node, "Rows Removed by Filter")
            + number(node, "Rows Removed by Join Filter")
            + number(node, "Rows Removed by Index Recheck");
        (number(node, "Actual Rows") + removed) * number(node, "Actual Loops")
    });
    rows.sum()
}

/// The plan of `statement` with its `values`, as it ran; rolled back.
async fn plan_of(conn: &mut PgConnection, statement: &str, values: &[String]) -> Value {
    let list = values.join(", ");
    run(conn, "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan").await;
    run(conn, &format!("PREPARE it AS {statement}")).await;
    let arguments = if list.is_empty() { list } else { format!("({list})") };
    let sql = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE it{arguments}");
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *conn).await.unwrap();
    let plan: Value = row.get(0);
    run(conn, "ROLLBACK; DEALLOCATE it").await;
    plan[0]["Plan"].clone()
}

#[tokio::test]
async fn a_decision_about_one_bundle_reads_no_other() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    let id = fixture.submit(bundle(4)).await;
    let id = format!("'{id}'");
    for (statement, values) in [
        (include_str!("../../src/postgres/sql/cancel_jobs.sql"), vec![id.clone()]),
        (include_str!("../../src/postgres/sql/hold_jobs.sql"), vec![id.clone()]),
        (include_str!("../../src/postgres/sql/free_jobs.sql"), vec![id.clone()]),
        (include_str!("../../src/postgres/sql/rank_jobs.sql"), vec![id.clone(), "2".to_owned()]),
        (include_str!("../../src/postgres/sql/rerun_jobs.sql"), vec![id, "NULL".to_owned()]),
        (include_str!("../../src/postgres/sql/end_backoffs.sql"), Vec::new()),
    ] {
        let plan = plan_of(&mut conn, statement, &values).await;
        let read = rows_read(&plan);
        assert!(read < 100.0, "{read} rows read: {statement}\n{plan:#}");
    }
}

#[tokio::test]
async fn what_ends_or_reports_a_batch_reads_each_of_its_jobs_a_few_times() {
    let fixture = Fixture::postgres().await;
    let mut conn = crowded(&fixture).await;
    run(&mut conn, "ALTER TABLE job SET (autovacuum_enabled = off)").await;
    let worker = fixture.worker().await;
    for _ in 0..8 {
        fixture.claim(worker.worker(), 256).await;
    }
    let progress =
        "INSERT INTO job_progress SELECT id, bundle_id, attempt, 0 FROM job WHERE status = 1";
    run(&mut conn, progress).await;
    let worker = worker.worker().0.to_string();
    let array = async |of: &str, kind: &str| {
        let chosen = "SELECT * FROM job WHERE status = 1 ORDER BY id LIMIT 256";
        let array = format!("SELECT array_agg(({of})::{kind} ORDER BY id) FROM ({chosen}) AS job");
        format!("'{}'::{kind}[]", fixture.query(&array).await)
    };
    let (jobs, attempts) = (array("id", "bigint").await, array("attempt", "int").await);
    let (text, bytes) = (array("'{}'", "text").await, array("'x'::bytea", "bytea").await);
    let keys = array("sha256(id::text::bytea)", "bytea").await;
    let finish = [
        worker.clone(),
        jobs.clone(),
        attempts.clone(),
        array("2", "smallint").await,
        array("false", "boolean").await,
        keys.clone(),
        text.clone(),
        text.clone(),
        jobs.clone(),
        keys.clone(),
        keys.clone(),
        keys,
        text.clone(),
        text,
        bytes.clone(),
        bytes,
        "'1'".to_owned(),
    ];
    let report = [
        worker.clone(),
        jobs.clone(),
        attempts.clone(),
        array("0.5", "float8").await,
        "1".to_owned(),
    ];
    let literals = ["1", "'code'", "'message'", "3"].map(str::to_owned);
    let fences = [worker, jobs, attempts];
    let retry = [fences.as_slice(), &literals].concat();
    let away = [fences.as_slice(), &["1".to_owned(), "60".to_owned()]].concat();
    for (statement, values) in [
        (include_str!("../../src/postgres/sql/finish_jobs.sql"), finish.as_slice()),
        (include_str!("../../src/postgres/sql/record_progress.sql"), &report),
        (include_str!("../../src/postgres/sql/retry_jobs.sql"), &retry),
        (include_str!("../../src/postgres/sql/hold_for_source.sql"), &away),
        (include_str!("../../src/postgres/sql/return_jobs.sql"), &fences),
    ] {
        let plan = plan_of(&mut conn, statement, values).await;
        let read = rows_read(&plan);
        // Joined in a nested loop, 256 rows alone are 65,536 comparisons.
        assert!(read < 20_000.0, "{read} rows read: {statement}\n{plan:#}");
    }
}

/// How SQLite runs a statement, one line a step.
async fn plan_on_sqlite(statement: &str) -> String {
    let fixture = Fixture::sqlite().await;
    let Engine::Sqlite { path, .. } = &fixture.engine else { unreachable!("it is SQLite") };
    let url = format!("sqlite://{}", path.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let text = statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>();
    let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", text.join(" ")));
    let rows = sqlx::raw_sql(sql).fetch_all(&mut conn).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

#[tokio::test]
async fn a_claim_on_sqlite_walks_its_index_and_sorts_nothing() {
    let plan = plan_on_sqlite(include_str!("../../src/sqlite/sql/claim_jobs.sql")).await;
    assert!(plan.contains("USING COVERING INDEX job_claimable"), "{plan}");
    assert!(!plan.contains("ORDER BY"), "{plan}");
}

#[tokio::test]
async fn jobs_named_in_a_parameter_are_found_by_their_ids_on_sqlite() {
    for statement in [
        include_str!("../../src/sqlite/sql/finish_jobs.sql"),
        include_str!("../../src/sqlite/sql/ended_jobs.sql"),
        include_str!("../../src/sqlite/sql/record_progress.sql"),
    ] {
        let plan = plan_on_sqlite(statement).await;
        assert!(plan.contains("USING INTEGER PRIMARY KEY"), "{plan}");
        assert!(!plan.contains("job_running"), "{plan}");
    }
}
