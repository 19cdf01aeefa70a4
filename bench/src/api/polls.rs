//! Clients that ask one node for statuses as fast as it answers, while the bundles change.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::nodes::Nodes;

/// Bundles that are polled; one of them changes ten times a second.
const BUNDLES: usize = 10;
/// Time between two changes.
const CHANGE: Duration = Duration::from_millis(100);

/// Polls for `time` over `pollers` connections; the figures as text.
pub(crate) async fn run(nodes: &Nodes, pollers: usize, time: Duration) -> anyhow::Result<String> {
    let ids: Vec<String> = (0..BUNDLES).map(|_| nodes.submit(5_000)).collect::<Result<_, _>>()?;
    let hand = nodes.hand().await?;
    let (stop, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    let (loads, cpu) = (nodes.metric("backfleet_status_loads_total")?, nodes.cpu_seconds()?);
    let started = Instant::now();
    for poller in 0..pollers {
        let (stop, polls) = (Arc::clone(&stop), Arc::clone(&polls));
        clients.spawn(poll(nodes.addresses[0], ids[poller % BUNDLES].clone(), stop, polls));
    }
    let mut changes = 0;
    while started.elapsed() < time {
        tokio::time::sleep(CHANGE).await;
        hand.finish(&hand.claim(1).await?).await?;
        changes += 2;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let polls = polls.load(Ordering::Relaxed);
    Ok(format!(
        "status polls: {:.0}/s on one node over {pollers} connections ({polls} in {seconds:.1} s, \
         {changes} changes of one of {BUNDLES} bundles, {:.0} SELECTs of a status, {:.1} s of CPU \
         of the nodes; the client shares the cores)",
        polls as f64 / seconds,
        nodes.metric("backfleet_status_loads_total")? - loads,
        nodes.cpu_seconds()? - cpu,
    ))
}

/// One connection: a request, its answer, the next request.
async fn poll(
    address: SocketAddr,
    id: String,
    stop: Arc<AtomicBool>,
    polls: Arc<AtomicU64>,
) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!("GET /api/backtest/bundle/{id}/status HTTP/1.1\r\nhost: bench\r\n\r\n");
    let mut buffer = vec![0; 16 * 1024];
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        while whole(&buffer[..filled])?.is_none() {
            match stream.read(&mut buffer[filled..]).await? {
                0 => bail!("the node closed a connection"),
                count => filled += count,
            }
        }
        polls.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether an answer is there in full; it must be 200.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<()>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("a length")?.parse()?;
    Ok((bytes.len() >= end + 4 + length).then_some(()))
}
