//! `backfleet worker`: computes what the queue holds.

use tokio_util::task::TaskTracker;

use super::serve::fits;
use super::{VERSION, bind, metrics_handle, shutdown_signal, worker_config};
use crate::cli::WorkerArgs;
use crate::failure::Failure;
use crate::open;
use crate::settings::Files;

/// Works until a signal, then drains; any number of these share one PostgreSQL.
pub(crate) async fn worker(args: &WorkerArgs, files: &Files) -> Result<(), Failure> {
    let config = worker_config(&args.tuning, &args.lease)?;
    let Some(url) = args.database.database_url.as_deref() else {
        return Err(Failure::usage(
            "a worker shares the queue with API nodes and needs PostgreSQL",
        )
        .hint("pass --database-url, or run everything in one process with `backfleet dev`"));
    };
    let store = open::postgres(url).await?;
    let shutdown = shutdown_signal()?;
    if !fits(&*store, &shutdown).await? {
        return Ok(());
    }
    let probes = TaskTracker::new();
    if let Some(address) = args.worker_listen {
        let (listener, metrics) = (bind(address).await?, metrics_handle()?);
        tracing::info!(%address, "metrics are served");
        probes.spawn(api::serve_probes(listener, VERSION, metrics, shutdown.clone()));
    }
    probes.close();
    let market = open::market(&args.database.data.data, &args.influx, files)?;
    let worked = ::worker::run(store, market, config, shutdown.clone()).await;
    shutdown.cancel();
    probes.wait().await;
    worked.map_err(anyhow::Error::from)?;
    Ok(())
}
