//! The roles a process can play: API, worker, both, or the demonstration of both.

mod demo;
mod dev;
mod migrate;
mod samples;
mod serve;
mod worker;

use std::net::SocketAddr;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use demo::demo;
pub(crate) use dev::dev;
pub(crate) use migrate::migrate;
pub(crate) use serve::serve;
pub(crate) use worker::worker;

use crate::cli::{LeaseArgs, ListenArgs, ServeArgs, WorkerTuning};
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

/// Refuses to show an API to a network for which there is no key.
async fn check_listen(listen: &ListenArgs, store: &dyn Store) -> Result<(), Failure> {
    if listen.listen.ip().is_loopback() || store.has_keys().await? {
        return Ok(());
    }
    let text = format!("{} is reachable from outside, and there is no API key", listen.listen);
    Err(Failure::usage(text)
        .hint("backfleet key create --owner NAME makes one; or listen on 127.0.0.1"))
}

/// What the flags say about the API.
fn api_config(args: &ServeArgs) -> Result<api::Config, Failure> {
    let ListenArgs { listen, max_jobs, jobs_per_minute } = args.listen;
    let node = store::NodeTimes { beat: args.node.node_beat, ttl: args.node.node_ttl };
    if node.beat * 3 > node.ttl {
        let text = format!("beat {:?} and lease {:?} of a node do not fit", node.beat, node.ttl);
        return Err(Failure::usage(text).hint("--node-ttl must be at least three --node-beat"));
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(api::Config {
        max_jobs_per_bundle: max_jobs,
        require_keys: !listen.ip().is_loopback(),
        jobs_per_minute: (jobs_per_minute > 0).then_some(jobs_per_minute),
        node_id: format!("{host} {listen}"),
        node_url: format!("http://{listen}"),
        node,
        replica_lag: args.node.read_lag,
        ..api::Config::new(VERSION)
    })
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
