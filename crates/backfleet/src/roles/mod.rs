//! The roles a process can play: API, worker, both, or the demonstration of both.

mod demo;
mod dev;
mod migrate;
mod samples;
mod serve;
mod worker;

use std::net::SocketAddr;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use demo::demo;
pub(crate) use dev::dev;
pub(crate) use migrate::migrate;
pub(crate) use serve::serve;
pub(crate) use worker::worker;

use crate::cli::{LeaseArgs, ListenArgs, WorkerTuning};
use crate::failure::{Exit, Failure};

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

fn metrics_handle() -> Result<PrometheusHandle, Failure> {
    PrometheusBuilder::new().install_recorder().map_err(|error| {
        Failure::new(Exit::Failure, format!("metrics cannot be recorded: {error}"))
    })
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        let failure = Failure::new(Exit::Failure, format!("cannot listen on {listen}: {error}"));
        if error.kind() == std::io::ErrorKind::AddrInUse {
            failure.hint("another process uses the port: choose one with --listen")
        } else {
            failure
        }
    })
}

/// Refuses to show an API without keys to a network.
fn check_listen(listen: &ListenArgs) -> Result<(), Failure> {
    if listen.listen.ip().is_loopback() {
        return Ok(());
    }
    let text =
        format!("{} is reachable from outside, and this API asks for no keys", listen.listen);
    Err(Failure::usage(text)
        .hint("listen on 127.0.0.1 and put a proxy that authenticates in front"))
}

fn lease_times(lease: &LeaseArgs) -> Result<store::LeaseTimes, Failure> {
    let times = store::LeaseTimes { beat: lease.beat, lease: lease.lease, grace: lease.grace };
    if times.grace <= times.beat || times.lease < times.grace + times.beat {
        let text = format!(
            "beat {:?}, grace {:?} and lease {:?} do not fit together",
            times.beat, times.grace, times.lease
        );
        return Err(Failure::usage(text)
            .hint("grace must be longer than a beat, and lease longer than grace + beat"));
    }
    Ok(times)
}

fn worker_config(tuning: &WorkerTuning, lease: &LeaseArgs) -> Result<::worker::Config, Failure> {
    let mut config = ::worker::Config::new(VERSION);
    config.host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if let Some(slots) = tuning.slots {
        config.slots = slots;
    }
    config.poll = tuning.poll;
    config.drain_timeout = tuning.drain_timeout;
    config.source_timeout = tuning.source_timeout;
    config.pace = tuning.pace;
    config.times = lease_times(lease)?;
    Ok(config)
}

/// Cancelled by SIGTERM or Ctrl-C; a second one ends the process at once.
fn shutdown_signal() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio_util::task::TaskTracker::new().spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked.is_cancelled() {
                tracing::warn!("stopped at once: jobs in hand go back when the lease ends");
                exit_at_once();
            }
            tracing::info!("stopping: running jobs finish first; a second signal stops at once");
            asked.cancel();
        }
    });
    Ok(token)
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this; leases return the jobs")]
fn exit_at_once() -> ! {
    std::process::exit(130)
}
