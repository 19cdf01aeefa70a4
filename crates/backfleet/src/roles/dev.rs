//! `backfleet dev`: API, worker and store in one process.

use std::sync::Arc;

use candles::Market;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{bind, check_listen, serve, shutdown_signal, worker_config};
use crate::cli::DevArgs;
use crate::failure::Failure;
use crate::settings::Files;
use crate::{open, output};

/// Serves and works until a signal. SQLite and Parquet files, unless the settings name servers.
pub(crate) async fn dev(args: &DevArgs, files: &Files) -> Result<(), Failure> {
    let store = open::store(&args.serve.database).await?;
    store.migrate().await?;
    check_listen(&args.serve.listen, &*store).await?;
    let market = open::market(&args.serve.database.data.data, &args.serve.influx, files)?;
    let listener = bind(args.serve.listen.listen).await?;
    let address = listener.local_addr()?;
    let shutdown = shutdown_signal()?;
    output::note(&format!("backfleet is at http://{address}/ (API docs: http://{address}/docs)"));
    output::note(&format!(
        "hint: backfleet bundle submit examples/btc-dual-ema.json --watch --server http://{address}"
    ));
    run(store, market, listener, args, shutdown).await
}

/// Runs both sides until `shutdown`; a side that fails ends the other.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    market: Market,
    listener: TcpListener,
    args: &DevArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = worker_config(&args.tuning, &args.serve.lease)?;
    let tasks = TaskTracker::new();
    let (ended, stop) = (shutdown.clone(), shutdown.clone());
    let work = ::worker::run(Arc::clone(&store), market.clone(), config, stop);
    let worker = tasks.spawn(async move {
        let result = work.await;
        ended.cancel();
        result
    });
    tasks.close();
    let served = serve::http(store, market, listener, &args.serve, shutdown.clone()).await;
    shutdown.cancel();
    let worked = worker.await.map_err(anyhow::Error::from)?;
    served?;
    worked.map_err(anyhow::Error::from)?;
    Ok(())
}
