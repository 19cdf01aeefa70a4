//! Free loopback ports that stay free.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// First port handed out; above what is registered in practice.
const FIRST: u32 = 20_000;
/// Ports handed out are below `FIRST + COUNT`, and so below 32768, where Linux begins to give ports
/// to outgoing connections. A port from there could be taken, even by the very client that knocks
/// on it (TCP connects to itself), while its server is being restarted.
const COUNT: u32 = 12_000;
/// Neighbouring process ids start this far apart, so that processes do not race for one port.
const LANE: u32 = 61;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback port that nothing listens on and that this process has not handed out before.
pub fn free() -> u16 {
    let lane = process::id().wrapping_mul(LANE);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + lane.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).expect("FIRST + COUNT is a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no loopback port is free in {FIRST}..{}", FIRST + COUNT);
}
