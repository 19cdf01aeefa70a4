//! InfluxDB 1.x, 2.x and 3 told apart and spoken to, against replayed answers.

use candles::{Auth, CandleSource as _, Dialect, Error, Influx, InfluxSettings, Secret, Segment};
use model::Timeframe;

use crate::mock::{Mock, Reply, chunk, count, error, good};
use crate::support::{START_MS, id, minutes};

const PING_1: Reply = Reply::With(204, "x-influxdb-version: 1.6.7~rc0", "");
const PING_2: Reply = Reply::With(204, "x-influxdb-version: v2.7.12", "");
const PING_3: Reply = Reply::With(
    200,
    "x-influxdb-build: Core",
    r#"{"version":"3.9.6","revision":"0f0f","process_id":"6ba7b810"}"#,
);

/// A server that greets like `ping` and answers all else with `reply`.
async fn server(ping: Reply, reply: Reply) -> Mock {
    Mock::serve(
        move |request, _| {
            if request.starts_with("GET /ping") { ping.clone() } else { reply.clone() }
        },
    )
    .await
}

fn unknown(mock: &Mock) -> InfluxSettings {
    let auth = Auth::Token(Secret::new("T"));
    InfluxSettings { dialect: None, auth, ..mock.settings() }
}

#[tokio::test]
async fn the_server_is_known_by_what_it_says_of_itself() {
    let nothing = || Reply::Whole(404, Vec::new());
    let json_health = Reply::With(200, "x: y", r#"{"name":"influxdb","version":"1.8.10"}"#);
    let plain_health = Reply::With(200, "x: y", "OK");
    for (ping, health, dialect, version) in [
        (PING_1, nothing(), Dialect::V1, Some("1.6.7~rc0")),
        (PING_2, nothing(), Dialect::V2, Some("2.7.12")),
        (PING_3, nothing(), Dialect::V3, Some("3.9.6")),
        (nothing(), json_health, Dialect::V1, Some("1.8.10")),
        (Reply::Whole(401, Vec::new()), plain_health, Dialect::V3, None),
        (Reply::With(401, "X-Influxdb-Build: Core", "{}"), nothing(), Dialect::V3, None),
        (Reply::With(204, "X-Influxdb-Build: OSS", ""), nothing(), Dialect::V1, None),
        (nothing(), nothing(), Dialect::V1, None),
    ] {
        let mock = Mock::serve(move |request, _| {
            if request.starts_with("GET /ping") { ping.clone() } else { health.clone() }
        })
        .await;
        let influx = Influx::new(unknown(&mock)).unwrap();
        let found = influx.server().await.unwrap();
        assert_eq!((found.dialect, found.version.as_deref()), (dialect, version));
        let asked = mock.requests().len();
        influx.server().await.unwrap();
        assert_eq!(mock.requests().len(), asked, "asked once");
    }
}

#[tokio::test]
async fn a_configured_dialect_is_not_asked_for() {
    let mock = Mock::start(vec![Reply::Whole(200, good())]).await;
    let settings = InfluxSettings { dialect: Some(Dialect::V3), ..unknown(&mock) };
    let influx = Influx::new(settings).unwrap();
    let segment = Segment::containing(Timeframe::MINUTE, START_MS);
    assert_eq!(influx.load(&id("b BTC 1m"), segment).await.unwrap().len(), 10);
    assert!(mock.requests()[0].contains("authorization: Bearer T\r\n"));
    assert_eq!(mock.requests().len(), 1);
}

/// First lines and authorization of the requests that load and write candles.
async fn spoken(ping: Reply, change: impl Fn(&mut InfluxSettings)) -> Vec<(String, String)> {
    let mock = Mock::serve(move |request, _| {
        if request.starts_with("GET /ping") {
            ping.clone()
        } else if request.starts_with("POST /query") {
            Reply::Whole(200, good())
        } else {
            Reply::Whole(204, Vec::new())
        }
    })
    .await;
    let mut settings = unknown(&mock);
    change(&mut settings);
    let influx = Influx::new(settings).unwrap();
    let segment = Segment::containing(Timeframe::MINUTE, START_MS);
    assert_eq!(influx.load(&id("b BTC 1m"), segment).await.unwrap().len(), 10);
    let written = influx.write(&id("b BTC 1m"), minutes(3, |_| false).as_slice(), |_| ()).await;
    assert_eq!(written.unwrap().rows, 3);
    let requests = mock.requests().into_iter().skip(1).map(|request| {
        let first = request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let header = request.lines().find_map(|line| line.strip_prefix("authorization: "));
        (first, header.unwrap_or_default().to_owned())
    });
    requests.collect()
}

#[tokio::test]
async fn each_dialect_reads_by_query_and_writes_where_it_takes_lines() {
    let query = "POST /query?db=market&epoch=ms&chunked=true&chunk_size=10000";
    for (ping, org, write, scheme) in [
        (PING_1, None, "POST /write?db=market&precision=ms", "Token T"),
        (PING_2, None, "POST /write?db=market&precision=ms", "Token T"),
        (PING_2, Some("desk"), "POST /api/v2/write?org=desk&bucket=market&precision=ms", "Token T"),
        (PING_3, None, "POST /api/v3/write_lp?db=market&precision=millisecond", "Bearer T"),
    ] {
        let requests = spoken(ping, |settings| settings.org = org.map(str::to_owned)).await;
        let expected = [query, write].map(|line| (line.to_owned(), scheme.to_owned()));
        assert_eq!(requests, expected);
    }
}

async fn load_error(ping: Reply, reply: Reply) -> Error {
    let mock = server(ping, reply).await;
    let influx = Influx::new(unknown(&mock)).unwrap();
    let segment = Segment::containing(Timeframe::MINUTE, START_MS);
    influx.load(&id("b BTC 1m"), segment).await.unwrap_err()
}

#[tokio::test]
async fn a_bucket_that_is_not_mapped_is_explained() {
    for reply in [
        Reply::Whole(200, error("database not found: market")),
        Reply::With(404, "x: y", r#"{"code":"not found","message":"no dbrp mapping found"}"#),
    ] {
        let error = load_error(PING_2, reply.clone()).await;
        assert_eq!(error.code(), "source_rejected");
        assert!(error.chain().contains("influx v1 dbrp create"), "{}", error.chain());
        assert!(!load_error(PING_1, reply).await.chain().contains("dbrp create"));
    }
    let mock = server(PING_2, Reply::Whole(200, [tables_of_none()].concat())).await;
    let error = Influx::new(unknown(&mock)).unwrap().ensure_database().await.unwrap_err();
    assert!(error.chain().contains("influx bucket create"), "{}", error.chain());
}

/// `SHOW DATABASES` without any.
fn tables_of_none() -> Vec<u8> {
    let mut out = Vec::new();
    rmp::encode::write_map_len(&mut out, 1).unwrap();
    rmp::encode::write_str(&mut out, "results").unwrap();
    rmp::encode::write_array_len(&mut out, 1).unwrap();
    rmp::encode::write_map_len(&mut out, 1).unwrap();
    rmp::encode::write_str(&mut out, "statement_id").unwrap();
    rmp::encode::write_sint(&mut out, 0).unwrap();
    out
}

#[tokio::test]
async fn the_file_limit_of_3_comes_with_advice_and_is_not_tried_again() {
    let old = "Error while planning query: External error: Query would exceed file limit of 432 \
               parquet files";
    let new = "Query would scan 500 Parquet files, exceeding the file limit.";
    let status = r#"{"error":"Query would scan 500 Parquet files, exceeding the file limit."}"#;
    for (reply, words) in [
        (Reply::Whole(200, error(old)), old),
        (Reply::Whole(200, [chunk(&minutes(5, |_| false), true, None), error(new)].concat()), new),
        (Reply::With(500, "x: y", status), new),
    ] {
        let mock = server(PING_3, reply).await;
        let settings = InfluxSettings { retries: 2, ..unknown(&mock) };
        let influx = Influx::new(settings).unwrap();
        let segment = Segment::containing(Timeframe::MINUTE, START_MS);
        let error = influx.load(&id("b BTC 1m"), segment).await.unwrap_err();
        assert!(!error.is_transient());
        let text = error.chain();
        assert!(text.contains(words), "{text}");
        assert!(text.contains("--query-file-limit") && text.contains("--gen1-duration"), "{text}");
        assert_eq!(mock.requests().len(), 2);
    }
}

#[tokio::test]
async fn refusals_of_writes_keep_the_words_of_each_dialect() {
    let two = r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict dropped=1"}"#;
    let three = r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"candles,exchange=b","line_number":2,"error_message":"invalid column type"}]}"#;
    let large = r#"{"code":"request too large","message":"unable to read data"}"#;
    for (ping, status, body, expected) in [
        (PING_2, 422, two, "status 422: failure writing points to database: partial write"),
        (
            PING_3,
            400,
            three,
            "partial write of line protocol occurred; line 2: invalid column type",
        ),
        (PING_2, 413, large, "status 413: unable to read data"),
    ] {
        let mock = server(ping, Reply::With(status, "x: y", body)).await;
        let influx = Influx::new(unknown(&mock)).unwrap();
        let candles = minutes(3, |_| false);
        let error = influx.write(&id("b BTC 1m"), candles.as_slice(), |_| ()).await.unwrap_err();
        let text = error.chain();
        assert!(text.contains("candles 1 to 3 were not all stored"), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_database_of_3_needs_no_making_and_has_no_policy() {
    let mock = server(PING_3, Reply::Whole(200, [good(), count(0)].concat())).await;
    let influx = Influx::new(unknown(&mock)).unwrap();
    influx.ensure_database().await.unwrap();
    assert_eq!(influx.policy().await.unwrap(), None);
    assert_eq!(mock.requests().len(), 1);
}
