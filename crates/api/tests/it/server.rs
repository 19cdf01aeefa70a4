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

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_ends_and_one_that_hangs_is_cut_after_the_drain_time() {
    let config = Config { drain: Duration::from_millis(500), ..Config::new("test") };
    let api = Api::with_config(config).await;
    let server = start(&api).await;
    let address = server.address;
    let slow = blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let body = sample().to_string();
        let head = format!(
            "POST /api/backtest/bundle HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        (stream, body)
    });
    let (mut slow, body) = slow.await;
    let hanging = blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "POST /api/backtest/bundle HTTP/1.1\r\nhost: x\r\n\
                    content-type: application/json\r\ncontent-length: 10\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    let mut hanging = hanging.await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    server.shutdown.cancel();
    let answer = blocking(move || {
        slow.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        slow.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.starts_with("HTTP/1.1 202"));
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400));
    let end = blocking(move || {
        let mut rest = Vec::new();
        hanging.read_to_end(&mut rest).map(|_| rest.len())
    });
    assert!(matches!(end.await, Ok(0) | Err(_)));
}
