//! The proxy's faults, against a server that answers each line with the same line.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use model::Timeframe;
use testkit::candles::{self, Lcg};
use testkit::proxy::Proxy;
use testkit::{port, wait};

/// Longer than anything takes on loopback, short enough to prove silence by.
const SILENCE: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(20);

/// An echo server; what it received, line by line. Its threads end with their connections.
fn echo() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (received, lines) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, received) = (stream.unwrap(), received.clone());
            thread::spawn(move || {
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let Ok(line) = line else { return };
                    received.send(line.clone()).unwrap_or_default();
                    if writeln!(stream, "{line}").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, lines)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, line: &str) -> io::Result<String> {
    writeln!(stream, "{line}")?;
    let mut answer = vec![0; line.len() + 1];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap().trim_end().to_owned())
}

/// Reads until the connection is closed; fails on silence.
fn read_to_close(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn bytes_pass_unchanged_both_ways() {
    let (target, _lines) = echo();
    let proxy = Proxy::start(target);
    let url = proxy.url(&format!("postgres://postgres@127.0.0.1:{target}/x"));
    assert_eq!(url, format!("postgres://postgres@127.0.0.1:{}/x", proxy.port()));
    let mut stream = connect(&proxy);
    let long = "x".repeat(300_000);
    let mut half = stream.try_clone().unwrap();
    let sent = long.clone();
    let writer = thread::spawn(move || writeln!(half, "{sent}").unwrap());
    let mut answer = String::new();
    BufReader::new(&mut stream).read_line(&mut answer).unwrap();
    writer.join().unwrap();
    assert_eq!(answer.trim_end(), long);
}

#[test]
fn a_blackhole_holds_everything_open_and_delivers_later() {
    let (target, lines) = echo();
    let proxy = Proxy::start(target);
    let mut old = connect(&proxy);
    assert_eq!(ask(&mut old, "before").unwrap(), "before");
    assert_eq!(lines.recv_timeout(DEADLINE).unwrap(), "before");

    proxy.blackhole();
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        writeln!(stream, "during").unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
    }
    assert!(lines.try_recv().is_err());

    proxy.pass();
    for stream in [&mut old, &mut new] {
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"during\n");
    }
}

#[test]
fn a_cut_closes_what_is_open_and_accepts_what_comes() {
    let (target, _lines) = echo();
    let proxy = Proxy::start(target);
    let mut stream = connect(&proxy);
    ask(&mut stream, "x").unwrap();
    proxy.cut();
    assert_eq!(read_to_close(&mut stream), "");
    assert_eq!(ask(&mut connect(&proxy), "y").unwrap(), "y");
}

#[test]
fn a_refusing_proxy_is_like_no_server_until_it_passes() {
    let (target, _lines) = echo();
    let proxy = Proxy::start(target);
    let mut stream = connect(&proxy);
    ask(&mut stream, "x").unwrap();
    proxy.refuse();
    assert_eq!(read_to_close(&mut stream), "");
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    proxy.pass();
    assert_eq!(ask(&mut connect(&proxy), "y").unwrap(), "y");
}

#[test]
fn a_reply_is_cut_at_the_byte_asked_for_and_only_once() {
    let (target, _lines) = echo();
    let proxy = Proxy::start(target);
    proxy.cut_after_reply(7);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "1234").unwrap(), "1234");
    writeln!(stream, "5678").unwrap();
    assert_eq!(read_to_close(&mut stream), "56");
    assert_eq!(proxy.struck(), 1);
    assert_eq!(ask(&mut connect(&proxy), "a longer line").unwrap(), "a longer line");
}

#[test]
fn a_swallowed_reply_was_delivered_to_the_server_and_the_client_never_knows() {
    let (target, lines) = echo();
    let proxy = Proxy::start(target);
    proxy.swallow_reply_to_commit();
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "BEGIN").unwrap(), "BEGIN");
    writeln!(stream, "COMMIT").unwrap();
    assert_eq!(read_to_close(&mut stream), "");
    wait::until(DEADLINE, "the server to have it", || {
        lines.try_iter().any(|line| line == "COMMIT")
    });
    assert_eq!(proxy.struck(), 1);
    assert_eq!(ask(&mut connect(&proxy), "COMMIT").unwrap(), "COMMIT");
}

#[test]
fn ports_are_free_distinct_and_not_the_kernels_to_give_away() {
    let ports: Vec<u16> = (0..50).map(|_| port::free()).collect();
    for (index, port) in ports.iter().enumerate() {
        assert!((20_000..32_768).contains(port));
        assert!(!ports[..index].contains(port));
    }
}

#[test]
fn the_generator_gives_the_numbers_of_statistics_md() {
    let mut lcg = Lcg::new(42);
    let first = 0.0008 + 0.04 * lcg.bell();
    let second = 0.0008 + 0.04 * lcg.bell();
    let bits = [first, second].map(f64::to_bits);
    assert_eq!(
        bits,
        [-0.005_722_795_029_569_259_5_f64, -0.043_976_297_451_569_64].map(f64::to_bits)
    );
}

#[test]
fn walks_are_repeatable_valid_and_prefixes_of_longer_walks() {
    let timeframe: Timeframe = "15m".parse().unwrap();
    let long = candles::random_walk(7, timeframe, 1_000, 50_000);
    let short = candles::random_walk(7, timeframe, 1_000, 100);
    assert_eq!(long.as_slice().rows(0..100), short.as_slice());
    assert_ne!(candles::random_walk(8, timeframe, 1_000, 100), short);
    assert_eq!(long.open_time_ms[..2], [0, timeframe.ms()]);
    for row in 0..long.len() {
        let candle = long.as_slice().candle(row);
        assert!(0.0 < candle.low && candle.high < 1e6, "{candle:?}");
        assert!(candle.low <= candle.open.min(candle.close), "{candle:?}");
        assert!(candle.high >= candle.open.max(candle.close), "{candle:?}");
    }
}

#[test]
fn waiting_in_vain_says_for_what() {
    let vain = || wait::until(Duration::from_millis(30), "a miracle", || false);
    let panic = std::panic::catch_unwind(vain).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "waited 30ms in vain for a miracle");
}
