//! Event streams over both nodes: from the call that ends a job to the event at each client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::nodes::Nodes;

/// Time between two changes.
const CHANGE: Duration = Duration::from_millis(250);
/// Clients that connect at once.
const CONNECTING: usize = 200;
/// Longest wait for all clients.
const PATIENCE: Duration = Duration::from_mins(2);

/// What one client saw: versions and when they came, and how many ends.
struct Seen {
    events: Vec<(u64, Instant)>,
    ends: usize,
}

/// Follows a bundle by `watchers` clients while it changes; the figures as text.
pub(crate) async fn run(nodes: &Nodes, watchers: usize, changes: usize) -> anyhow::Result<String> {
    let before = nodes.memory_mb();
    let hand = nodes.hand().await?;
    // What the polls left pending would be claimed first.
    while !hand.claim(256).await?.is_empty() {}
    let id = nodes.submit(changes)?;
    let uuid = id.parse()?;
    let mut clients = JoinSet::new();
    let open = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    for watcher in 0..watchers {
        clients.spawn(watch(nodes.addresses[watcher % 2], id.clone(), Arc::clone(&open)));
        while watcher + 1 >= open.load(Ordering::Relaxed) + CONNECTING {
            ensure!(started.elapsed() < PATIENCE, "clients cannot connect");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    while open.load(Ordering::Relaxed) < watchers {
        ensure!(started.elapsed() < PATIENCE, "clients cannot connect");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let connecting = started.elapsed();
    let loads = nodes.metric("backfleet_status_loads_total")?;
    let mut called = BTreeMap::new();
    let finishes = hand.claim(u32::try_from(changes)?).await?;
    ensure!(finishes.len() == changes, "{} jobs were claimed", finishes.len());
    let mut memory = before;
    for finish in finishes {
        tokio::time::sleep(CHANGE).await;
        let at = Instant::now();
        hand.finish(&[finish]).await?;
        let row = hand.store.bundle(None, uuid).await?;
        called.insert(row.map_or(0, |row| row.version), at);
        memory = nodes.memory_mb();
    }
    let (mut latencies, mut ends) = (Vec::new(), 0);
    while let Some(client) = clients.join_next().await {
        let seen = client??;
        ensure!(seen.ends == 1, "a client saw {} ends", seen.ends);
        ends += seen.ends;
        let late = |(version, at): (u64, Instant)| Some(at.duration_since(*called.get(&version)?));
        latencies.extend(seen.events.into_iter().filter_map(late));
    }
    latencies.sort_unstable();
    let at = |part: usize| {
        let index = (latencies.len() * part / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    let loads = nodes.metric("backfleet_status_loads_total")? - loads;
    Ok(format!(
        "event streams: {watchers} over two nodes, connected in {:.1} s; {} events of {changes} \
         changes came after p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms; {loads:.0} SELECTs of a \
         status; {ends} ends, one a client; memory of the nodes {:.0} and {:.0} MB ({:.0} and \
         {:.0} MB before)",
        connecting.as_secs_f64(),
        latencies.len(),
        at(50),
        at(99),
        at(100),
        memory[0],
        memory[1],
        before[0],
        before[1],
    ))
}

/// One client, from its first event to the end of its stream.
async fn watch(address: SocketAddr, id: String, open: Arc<AtomicUsize>) -> anyhow::Result<Seen> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /api/backtest/bundle/{id}/events HTTP/1.1\r\nhost: bench\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut seen = Seen { events: Vec::new(), ends: 0 };
    let mut buffer = [0; 4 * 1024];
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let count = stream.read(&mut buffer).await?;
        let at = Instant::now();
        rest.extend_from_slice(&buffer[..count]);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(version) = line.trim_end().strip_prefix("id: ") {
                if seen.events.is_empty() {
                    open.fetch_add(1, Ordering::Relaxed);
                }
                seen.events.push((version.parse()?, at));
            }
            seen.ends += usize::from(line.trim_end() == "event: end");
        }
        if count == 0 || seen.ends > 0 {
            return Ok(seen);
        }
    }
}
