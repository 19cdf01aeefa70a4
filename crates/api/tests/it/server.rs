//! A real server on a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use api::{Config, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::{Api, sample};

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn start(api: &Api) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let (app, token) = (api.app.clone(), shutdown.clone());
    let task = TaskTracker::new().spawn(async move { serve(listener, app, token).await.unwrap() });
    Server { address, shutdown, task }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_and_stops() {
    let api = Api::new().await;
    let server = start(&api).await;
    let url = format!("http://{}/api/backtest/bundle", server.address);
    let submit = blocking({
        let url = url.clone();
        move || testkit::http::post_json(&url, &sample().to_string()).unwrap()
    });
    assert_eq!(submit.await.status, 202);
    server.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_may_be_typed_as_it_is_read() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let server = start(&api).await;
    let answer = blocking(move || {
        let path = format!("/api/backtest/bundle/{id}/results");
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!("GET {path}?where=trade>=20&top=1 HTTP/1.1\r\nhost: x\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await;
    assert!(answer.contains("did you mean \\\"trades\\\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_20_mb_gets_its_413_over_a_socket() {
    let api = Api::new().await;
    let server = start(&api).await;
    let url = format!("http://{}/api/backtest/bundle", server.address);
    let answer = blocking(move || {
        let headers = [("content-type", "application/json")];
        testkit::http::send("POST", &url, &headers, &vec![b' '; 20 * 1024 * 1024]).unwrap()
    });
    let answer = answer.await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("4194304"), "{}", answer.body);
}

/// Sends the head of a submit of `length` bytes and waits until the server asks for the body.
fn begin_submit(address: SocketAddr, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/backtest/bundle HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_ends_and_one_that_hangs_is_cut_after_the_drain_time() {
    const DRAIN: Duration = Duration::from_secs(2);
    let api = Api::with_config(Config { drain: DRAIN, ..Config::new("test") }).await;
    let server = start(&api).await;
    let address = server.address;
    let body = sample().to_string();
    let length = body.len();
    let (mut slow, mut hanging) =
        blocking(move || (begin_submit(address, length), begin_submit(address, length))).await;
    let started = Instant::now();
    server.shutdown.cancel();
    let answer = blocking(move || {
        slow.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        slow.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.starts_with("HTTP/1.1 202"));
    tokio::time::timeout(Duration::from_secs(10), server.task).await.unwrap().unwrap();
    assert!(started.elapsed() >= DRAIN);
    let end = blocking(move || {
        let mut rest = Vec::new();
        hanging.read_to_end(&mut rest).map(|_| rest.len())
    });
    assert!(matches!(end.await, Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_ends_when_its_node_drains() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let server = start(&api).await;
    let address = server.address;
    let head = format!("GET /api/backtest/bundle/{id}/events HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut stream = blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut begun = Vec::new();
        while !String::from_utf8_lossy(&begun).contains("event: snapshot") {
            let mut part = [0; 512];
            let length = stream.read(&mut part).unwrap();
            assert!(length > 0);
            begun.extend_from_slice(&part[..length]);
        }
        stream
    })
    .await;
    server.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    let rest = blocking(move || {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    });
    assert!(rest.await.ends_with(b"0\r\n\r\n"), "the answer is whole");
}
