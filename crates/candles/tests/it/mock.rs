//! A server of our own that replays answers of InfluxDB.

use std::sync::{Arc, Mutex};

use candles::{Dialect, InfluxSettings};
use model::Candles;
use rmp::encode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::minutes;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answers whole.
    Whole(u16, Vec<u8>),
    /// Answers whole, with one more header.
    With(u16, &'static str, &'static str),
    /// Promises more bytes than it sends.
    Cut(Vec<u8>),
    /// Says nothing.
    Silence,
}

pub(crate) struct Mock {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    /// Ends the server when it is dropped.
    _serving: tokio::task::JoinSet<()>,
}

impl Mock {
    /// Gives `replies` in turn, the last one for ever.
    pub(crate) async fn start(replies: Vec<Reply>) -> Mock {
        Mock::serve(move |_, index| replies[index.min(replies.len() - 1)].clone()).await
    }

    /// Answers by the request and the number of those before it.
    pub(crate) async fn serve(
        reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                let reply = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    reply(&request, log.len() - 1)
                };
                match reply {
                    Reply::Whole(status, body) => answer(&mut stream, status, "", &body, 0).await,
                    Reply::With(status, header, body) => {
                        let line = format!("{header}\r\n");
                        answer(&mut stream, status, &line, body.as_bytes(), 0).await;
                    }
                    Reply::Cut(body) => answer(&mut stream, 200, "", &body, 10).await,
                    Reply::Silence => std::future::pending().await,
                }
            }
        });
        Mock { url, seen, _serving: serving }
    }

    pub(crate) fn settings(&self) -> InfluxSettings {
        InfluxSettings {
            url: self.url.clone(),
            retries: 0,
            dialect: Some(Dialect::V1),
            ..InfluxSettings::default()
        }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut wanted = usize::MAX;
    while bytes.len() < wanted {
        let count = stream.read_buf(&mut bytes).await.unwrap();
        assert!(count > 0, "the request is whole");
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4_096)]);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = |line: &str| -> Option<usize> {
                line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()
            };
            wanted = head.len() + 4 + head.lines().find_map(length).unwrap_or(0);
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn answer(stream: &mut TcpStream, status: u16, header: &str, body: &[u8], missing: usize) {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-msgpack\r\nconnection: close\r\n\
         {header}content-length: {}\r\n\r\n",
        body.len() + missing
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// A chunk of candles as InfluxDB 1.6 writes it; `spoil` may put nil for a value.
pub(crate) fn chunk(candles: &Candles, partial: bool, spoil: Option<(usize, usize)>) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| encode::write_str(out, text).unwrap();
    encode::write_map_len(&mut out, 1).unwrap();
    text(&mut out, "results");
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_map_len(&mut out, if partial { 4 } else { 3 }).unwrap();
    text(&mut out, "statement_id");
    encode::write_sint(&mut out, 0).unwrap();
    // A member that nobody knows, with everything that msgpack can nest.
    text(&mut out, "messages");
    encode::write_array_len(&mut out, 3).unwrap();
    encode::write_map_len(&mut out, 1).unwrap();
    text(&mut out, "level");
    encode::write_array_len(&mut out, 2).unwrap();
    encode::write_bin(&mut out, &[1, 2, 3]).unwrap();
    encode::write_ext_meta(&mut out, 12, 5).unwrap();
    out.extend_from_slice(&[0; 12]);
    encode::write_f32(&mut out, 1.0).unwrap();
    encode::write_nil(&mut out).unwrap();
    text(&mut out, "series");
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_map_len(&mut out, if partial { 4 } else { 3 }).unwrap();
    text(&mut out, "name");
    text(&mut out, "candles");
    text(&mut out, "columns");
    encode::write_array_len(&mut out, 6).unwrap();
    for column in ["time", "open", "high", "low", "close", "volume"] {
        text(&mut out, column);
    }
    text(&mut out, "values");
    encode::write_array_len(&mut out, u32::try_from(candles.len()).unwrap()).unwrap();
    for row in 0..candles.len() {
        let c = candles.as_slice().candle(row);
        encode::write_array_len(&mut out, 6).unwrap();
        encode::write_sint(&mut out, c.open_time_ms).unwrap();
        for (column, value) in [c.open, c.high, c.low, c.close, c.volume].into_iter().enumerate() {
            if spoil == Some((row, column)) {
                encode::write_nil(&mut out).unwrap();
            } else {
                encode::write_f64(&mut out, value).unwrap();
            }
        }
    }
    if partial {
        text(&mut out, "partial");
        encode::write_bool(&mut out, true).unwrap();
        text(&mut out, "partial");
        encode::write_bool(&mut out, true).unwrap();
    }
    out
}

/// The answer to a statement: one series of one row, at time 0, of whose `columns` the values are
/// written by `values`.
pub(crate) fn row(statement: i64, columns: &[&str], values: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| encode::write_str(out, text).unwrap();
    let width = u32::try_from(1 + columns.len()).unwrap();
    encode::write_map_len(&mut out, 1).unwrap();
    text(&mut out, "results");
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_map_len(&mut out, 2).unwrap();
    text(&mut out, "statement_id");
    encode::write_sint(&mut out, statement).unwrap();
    text(&mut out, "series");
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_map_len(&mut out, 2).unwrap();
    text(&mut out, "columns");
    encode::write_array_len(&mut out, width).unwrap();
    for column in ["time"].iter().chain(columns) {
        text(&mut out, column);
    }
    text(&mut out, "values");
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_array_len(&mut out, width).unwrap();
    encode::write_sint(&mut out, 0).unwrap();
    values(&mut out);
    out
}

pub(crate) fn count(count: i64) -> Vec<u8> {
    row(1, &["count"], |out| {
        encode::write_sint(out, count).unwrap();
    })
}

pub(crate) fn error(words: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::write_map_len(&mut out, 1).unwrap();
    encode::write_str(&mut out, "results").unwrap();
    encode::write_array_len(&mut out, 1).unwrap();
    encode::write_map_len(&mut out, 1).unwrap();
    encode::write_str(&mut out, "error").unwrap();
    encode::write_str(&mut out, words).unwrap();
    out
}

pub(crate) fn good() -> Vec<u8> {
    let candles = minutes(5, |_| false);
    [chunk(&candles, true, None), chunk(&later(&candles), false, None), count(10)].concat()
}

/// The same candles, five minutes later.
fn later(candles: &Candles) -> Candles {
    let mut later = candles.clone();
    for time in &mut later.open_time_ms {
        *time += 300_000;
    }
    later
}
