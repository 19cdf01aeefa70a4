//! What the targets of candles share. Readers of files get a file, the client of InfluxDB a server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use candles::import::{ImportOptions, read_file};
use candles::{
    Cache, CacheSettings, CandleSource, Clock, Dialect, Influx, InfluxSettings, Market,
    MemorySource, Segment,
};
use model::{Calendar, Candle, Candles, SeriesId, TimeRange, Timeframe};
use tokio::runtime::Runtime;

/// Calls `read` with a file of these bytes.
pub fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("the temporary folder can be written");
    read(&path);
}

/// Imports a file of these bytes: what comes out keeps the rules of candles.
pub fn candles_of(name: &str, bytes: &[u8]) {
    with_file(name, bytes, |path| {
        let options =
            ImportOptions { exchange: Some("x".to_owned()), ..ImportOptions::default() };
        if let Ok((_, candles)) = read_file(path, &options) {
            check(&candles);
        }
    });
}

fn check(candles: &Candles) {
    let columns = candles.as_slice();
    assert!(columns.open_time_ms.is_sorted_by(|a, b| a < b));
    for row in 0..columns.len() {
        let candle = columns.candle(row);
        assert!(candle.low > 0.0 && candle.high.is_finite() && candle.volume >= 0.0);
        assert!(candle.low <= candle.open.min(candle.close));
        assert!(candle.high >= candle.open.max(candle.close));
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("threads can be started"))
}

fn series() -> SeriesId {
    SeriesId {
        exchange: "x".to_owned(),
        ticker: "X".to_owned(),
        timeframe: Timeframe::MINUTE,
    }
}

/// Puts the bytes in the place of each file of a cache in turn; a load gives what is stored.
pub fn cached(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let source = MemorySource::new("memory");
    let candles: Candles = (0..20)
        .map(|minute| Candle {
            open_time_ms: minute * 60_000,
            open: 2.0,
            high: 3.0,
            low: 1.0,
            close: 2.5,
            volume: 1.0,
        })
        .collect();
    source.insert(series(), Calendar::EveryDay, None, candles.clone());
    let source = Arc::new(source);
    let load = || {
        let cache = Cache::open(folder.path(), CacheSettings::default(), Clock::system());
        let cache = cache.expect("the temporary folder can be written");
        let market = Market::new(Arc::<MemorySource>::clone(&source), cache);
        let all = TimeRange { start_ms: 0, end_ms: 1_200_000 };
        let loaded = runtime().block_on(market.load(&series(), all, 0));
        assert_eq!(loaded.expect("the source is there").as_slice(), candles.as_slice());
    };
    load();
    let mut folders = vec![folder.path().join("objects"), folder.path().join("series")];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).expect("the folder is there") {
            let path = item.expect("the folder is there").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                fs::remove_file(&path).expect("the file is there");
                fs::write(&path, bytes).expect("the temporary folder can be written");
                load();
            }
        }
    }
}

/// Answers every request with the bytes; what a load gives keeps the rules of candles.
pub fn answered(bytes: &[u8]) {
    static SERVER: OnceLock<(Influx, Arc<Mutex<Vec<u8>>>)> = OnceLock::new();
    let (influx, answer) = SERVER.get_or_init(|| {
        let answer = Arc::new(Mutex::new(Vec::new()));
        let url = serve(Arc::clone(&answer));
        let dialect = Some(Dialect::V1);
        let settings = InfluxSettings { url, retries: 0, dialect, ..InfluxSettings::default() };
        (Influx::new(settings).expect("the settings are good"), answer)
    });
    bytes.clone_into(&mut answer.lock().expect("no holder panics"));
    let first = Segment::containing(Timeframe::MINUTE, 0);
    if let Ok(candles) = runtime().block_on(influx.load(&series(), first)) {
        check(&candles);
    }
    let _ = runtime().block_on(influx.list_series());
    let _ = runtime().block_on(influx.probe(&series(), first));
    let all = TimeRange { start_ms: 0, end_ms: i64::MAX };
    let _ = runtime().block_on(influx.funding("x", "X", all));
}

fn serve(answer: Arc<Mutex<Vec<u8>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = answer.lock().expect("no holder panics").clone();
            let _ = answer_one(&mut stream, &body);
        }
    });
    url
}

fn answer_one(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 4_096];
    let mut wanted = usize::MAX;
    while request.len() < wanted {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            break;
        }
        request.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
            wanted = head.len() + 4 + length.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
    }
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")?;
    stream.write_all(body)
}
