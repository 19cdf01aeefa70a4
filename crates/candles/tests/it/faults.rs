//! Answers of InfluxDB that must never become candles, replayed by a server of our own.

use std::sync::Arc;
use std::time::Duration;

use candles::{
    Auth, CandleSource as _, Cause, Error, Influx, InfluxSettings, Rule, Secret, Segment,
};
use model::{Candles, Timeframe};

use crate::mock::{Mock, Reply, chunk, count, error, good};
use crate::support::{START_MS, id, market, minutes, range};

async fn load(settings: InfluxSettings) -> Result<Candles, Error> {
    let influx = Influx::new(settings).unwrap();
    let segment = Segment::containing(Timeframe::MINUTE, START_MS);
    influx.load(&id("b BTC 1m"), segment).await
}

/// Loads from a server that gives `reply`, and shows the error as text with its code.
async fn check(reply: Reply, code: &str, expected: &str) {
    let mock = Mock::start(vec![reply]).await;
    let error = load(mock.settings()).await.unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert_eq!(error.code(), code, "{error}: {cause}");
    let text = if cause.is_empty() { error.to_string() } else { cause };
    assert!(text.contains(expected), "{text}");
}

fn whole(parts: &[Vec<u8>]) -> Reply {
    Reply::Whole(200, parts.concat())
}

#[tokio::test]
async fn whole_answers_in_chunks_are_read_and_unknown_members_skipped() {
    let mock = Mock::start(vec![Reply::Whole(200, good())]).await;
    let candles = load(mock.settings()).await.unwrap();
    assert_eq!(candles.len(), 10);
    assert_eq!(candles.as_slice().rows(0..5), minutes(5, |_| false).as_slice());
}

#[tokio::test]
async fn an_answer_that_ends_after_a_partial_chunk_is_cut_off() {
    let candles = minutes(5, |_| false);
    let text = "ends before its last chunk";
    check(whole(&[chunk(&candles, true, None)]), "source_unavailable", text).await;
    check(whole(&[chunk(&candles, true, None), count(5)]), "source_unavailable", text).await;
    check(whole(&[chunk(&candles, false, None)]), "source_unavailable", text).await;
    check(whole(&[]), "source_unavailable", text).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_anywhere_is_an_error() {
    let bytes = good();
    for at in [1, 40, bytes.len() / 2, bytes.len() - 1] {
        check(Reply::Cut(bytes[..at].to_vec()), "source_unavailable", "broke off").await;
        check(whole(&[bytes[..at].to_vec()]), "source_unavailable", "ends before").await;
    }
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error_in_any_chunk() {
    let candles = minutes(5, |_| false);
    let words = "database not found: market";
    check(whole(&[error(words)]), "source_rejected", words).await;
    let late = [chunk(&candles, true, None), error("query-timeout limit exceeded")];
    check(whole(&late), "source_unavailable", "query-timeout").await;
    let last = [chunk(&candles, false, None), error(words)];
    check(whole(&last), "source_rejected", words).await;
}

#[tokio::test]
async fn rows_that_disagree_with_the_servers_count_are_an_error() {
    let candles = minutes(5, |_| false);
    let parts = [chunk(&candles, false, None), count(6)];
    check(whole(&parts), "source_unavailable", "got 5 candles where the server counts 6").await;
}

#[tokio::test]
async fn a_missing_price_and_disorder_are_bad_candles_and_a_missing_volume_is_none() {
    let candles = minutes(5, |_| false);
    for column in 0..4 {
        let parts = [chunk(&candles, false, Some((3, column))), count(5)];
        check(whole(&parts), "bad_candles", "row 4: missing or non-finite value").await;
    }
    let parts = [chunk(&candles, true, None), chunk(&candles, false, None), count(10)];
    check(whole(&parts), "bad_candles", Rule::Disorder.text()).await;
    let parts = [chunk(&candles, false, Some((3, 4))), count(5)];
    let mock = Mock::start(vec![whole(&parts)]).await;
    assert!(load(mock.settings()).await.unwrap().volume[3].abs() < f64::EPSILON);
}

#[tokio::test]
async fn more_rows_than_a_segment_holds_are_refused_before_they_fill_the_memory() {
    let reply = whole(&[chunk(&minutes(60, |_| false), false, None), count(60)]);
    let mock = Mock::start(vec![reply]).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let series = id("b BTC 1w");
    let segment = Segment::containing(series.timeframe, START_MS);
    let error = influx.load(&series, segment).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("more rows than a segment holds"), "{cause}");
}

#[tokio::test]
async fn what_is_not_msgpack_is_not_understood() {
    let json = br#"{"results":[]}"#.to_vec();
    check(whole(&[json]), "source_rejected", "cannot be understood").await;
}

#[tokio::test]
async fn statuses_say_whether_to_come_back() {
    let body = br#"{"error":"the words"}"#.to_vec();
    for (status, code) in [
        (400, "source_rejected"),
        (401, "source_rejected"),
        (404, "source_rejected"),
        (429, "source_unavailable"),
        (500, "source_unavailable"),
        (503, "source_unavailable"),
    ] {
        let expected = format!("status {status}: the words");
        check(Reply::Whole(status, body.clone()), code, &expected).await;
    }
}

#[tokio::test]
async fn a_silent_or_absent_server_is_unavailable_in_time() {
    let mock = Mock::start(vec![Reply::Silence]).await;
    let settings = InfluxSettings { timeout_ms: 300, ..mock.settings() };
    let started = std::time::Instant::now();
    let error = load(settings.clone()).await.unwrap_err();
    let is_timeout = matches!(error, Error::Unavailable { cause: Cause::Timeout { .. }, .. });
    assert!(is_timeout, "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(mock);
    let error = load(settings).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
    let cut = whole(&[chunk(&minutes(5, |_| false), true, None)]);
    let mock = Mock::start(vec![cut.clone(), cut, Reply::Whole(200, good())]).await;
    let settings = InfluxSettings { retries: 2, ..mock.settings() };
    assert_eq!(load(settings).await.unwrap().len(), 10);
    assert_eq!(mock.requests().len(), 3);
    let mock = Mock::start(vec![whole(&[error("no")])]).await;
    let settings = InfluxSettings { retries: 2, ..mock.settings() };
    assert!(load(settings).await.is_err());
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test]
async fn a_failed_segment_leaves_nothing_in_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let database = testkit::influx::database();
    let settings =
        InfluxSettings { url: database.url, database: database.name, ..InfluxSettings::default() };
    let influx = Influx::new(settings.clone()).unwrap();
    let mut broken = minutes(10, |_| false);
    broken.low[7] = broken.high[7] * 2.0;
    influx.write(&id("b BTC 1m"), broken.as_slice(), |_| ()).await.unwrap();
    let all = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    for _ in 0..2 {
        let market = market(Arc::new(influx.clone()), dir.path());
        let error = market.load(&id("b BTC 1m"), all, 0).await.unwrap_err();
        assert_eq!(error.code(), "bad_candles");
        let Error::BadCandles { fault, .. } = error else { panic!("{error}") };
        assert_eq!((fault.row, fault.rule), (8, Rule::Extremes));
    }
    influx.write(&id("b BTC 1m"), minutes(10, |_| false).as_slice(), |_| ()).await.unwrap();
    let market = market(Arc::new(influx), dir.path());
    assert_eq!(market.load(&id("b BTC 1m"), all, 0).await.unwrap().as_slice().len(), 10);
}

#[tokio::test]
async fn a_partly_written_batch_names_its_rows() {
    let body = br#"{"error":"partial write: field type conflict dropped=1"}"#.to_vec();
    // Two requests are under way at a time: which one it is shows in its lines.
    let last = format!(" {}\n", START_MS + 10_004 * 60_000);
    let mock = Mock::serve(move |request, _| {
        if request.ends_with(&last) {
            Reply::Whole(400, body.clone())
        } else {
            Reply::Whole(204, Vec::new())
        }
    })
    .await;
    let influx = Influx::new(mock.settings()).unwrap();
    let mut confirmed = 0;
    let (series, candles) = (id("b BTC 1m"), minutes(10_005, |_| false));
    let written = influx.write(&series, candles.as_slice(), |rows| confirmed += rows).await;
    let error = written.unwrap_err();
    assert_eq!(confirmed, 10_000);
    let Error::Rejected { cause, .. } = error else { panic!("{error}") };
    assert_eq!(
        cause.to_string(),
        "candles 10001 to 10005 were not all stored: status 400: partial write: field type \
         conflict dropped=1"
    );
}

#[tokio::test]
async fn a_real_type_conflict_is_reported() {
    let database = testkit::influx::database();
    let influx = Influx::new(InfluxSettings {
        url: database.url.clone(),
        database: database.name.clone(),
        ..InfluxSettings::default()
    })
    .unwrap();
    let url = format!("{}/write?db={}&precision=ms", database.url, database.name);
    let line = format!("candles,exchange=b,symbol=BTC,timeframe=1m close=1i {START_MS}");
    assert_eq!(testkit::http::send("POST", &url, &[], line.as_bytes()).unwrap().status, 204);
    let written = influx.write(&id("b BTC 1m"), minutes(3, |_| false).as_slice(), |_| ()).await;
    let cause = std::error::Error::source(&written.unwrap_err()).unwrap().to_string();
    assert!(cause.starts_with("candles 1 to 3 were not all stored: status 400"), "{cause}");
    assert!(cause.contains("field type conflict"), "{cause}");
}

#[tokio::test]
async fn credentials_travel_in_the_header() {
    let basic = Auth::Basic { user: "u".to_owned(), password: Secret::new("p") };
    for (auth, expected) in [
        (basic, "authorization: Basic dTpw\r\n"),
        (Auth::Token(Secret::new("T")), "authorization: Token T\r\n"),
    ] {
        let mock = Mock::start(vec![Reply::Whole(200, good())]).await;
        load(InfluxSettings { auth, ..mock.settings() }).await.unwrap();
        let request = &mock.requests()[0];
        assert!(request.contains(expected), "{request}");
        assert!(request.starts_with("POST /query?db=market&epoch=ms&chunked=true&chunk_size="));
        assert!(request.contains("accept: application/x-msgpack\r\n"));
    }
}

#[tokio::test]
async fn a_hostile_ticker_reaches_the_server_as_a_parameter_only() {
    let database = testkit::influx::database();
    let settings =
        InfluxSettings { url: database.url, database: database.name, ..InfluxSettings::default() };
    let influx = Influx::new(settings).unwrap();
    let hostile = [
        "x' OR 'a'='a",
        "x'; DROP MEASUREMENT candles; --",
        "x\" OR \"a\"=\"a",
        "x) OR (1=1",
        "$exchange",
        "x\\' OR 1=1",
    ];
    let good = model::SeriesId { ticker: "BTC".to_owned(), ..id("b BTC 1m") };
    influx.write(&good, minutes(3, |_| false).as_slice(), |_| ()).await.unwrap();
    let segment = Segment::containing(Timeframe::MINUTE, START_MS);
    for ticker in hostile {
        let series = model::SeriesId { ticker: ticker.to_owned(), ..good.clone() };
        assert_eq!(influx.load(&series, segment).await.unwrap().len(), 0, "{ticker}");
        influx.write(&series, minutes(2, |_| false).as_slice(), |_| ()).await.unwrap();
        assert_eq!(influx.load(&series, segment).await.unwrap().len(), 2, "{ticker}");
    }
    assert_eq!(influx.load(&good, segment).await.unwrap().len(), 3);
    assert_eq!(influx.list_series().await.unwrap().len(), 1 + hostile.len());
}

#[test]
fn credentials_in_the_address_are_refused_without_being_shown() {
    for url in ["http://u:hunter2@h:8086", "http://h:8086/?u=u&p=hunter2", "http://h:8086#hunter2"]
    {
        let settings = InfluxSettings { url: url.to_owned(), ..InfluxSettings::default() };
        let error = Influx::new(settings).map(|_| ()).unwrap_err().chain();
        assert!(error.contains("--influx-token-file"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
