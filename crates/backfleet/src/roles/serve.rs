//! `backfleet serve`: the HTTP API over PostgreSQL.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use api::App;
use candles::Market;
use store::{Ordering, Schema, Store, Terms};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{api_config, bind, check_listen, lease_times, metrics_handle, shutdown_signal};
use crate::cli::{OrderingArg, QueueArgs, ServeArgs};
use crate::failure::Failure;
use crate::open;
use crate::settings::Files;

/// Time between two tries of a database that is away at the start.
const RETRY: Duration = Duration::from_secs(2);

/// Jobs of each bundle in one turn of the fair order: a small bundle waits for about a second of a
/// worker's work of the others.
const JOBS_A_TURN: u32 = 64;

/// Serves until a signal; any number of these share one PostgreSQL.
pub(crate) async fn serve(args: &ServeArgs, files: &Files) -> Result<(), Failure> {
    let config = api_config(args)?;
    let times = lease_times(&args.lease)?;
    let Some(url) = args.database.database_url.as_deref() else {
        return Err(Failure::usage("serve shares its queue with workers and needs PostgreSQL")
            .hint("pass --database-url, or run everything in one process with `backfleet dev`"));
    };
    let store = open::postgres(url).await?;
    let shutdown = shutdown_signal()?;
    if !fits(&*store, &shutdown).await? {
        return Ok(());
    }
    check_listen(&args.listen, &*store).await?;
    let replica = match args.node.read_database_url.as_deref() {
        Some(url) => Some(open::replica(url).await?),
        None => None,
    };
    let market = open::market(&args.database.data.data, &args.influx, files)?;
    let listener = bind(args.listen.listen).await?;
    let tasks = TaskTracker::new();
    tasks.spawn(::worker::maintain(Arc::clone(&store), times, shutdown.clone()));
    tasks.close();
    let app = App::with_replica(store, replica, Arc::new(market), config, metrics_handle()?);
    api::serve(listener, app, shutdown).await.map_err(anyhow::Error::from)?;
    tasks.wait().await;
    Ok(())
}

/// The HTTP side of `dev`.
pub(crate) async fn http(
    store: Arc<dyn Store>,
    market: Market,
    listener: TcpListener,
    args: &ServeArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = api::Config { terms: terms(args.queue), ..api_config(args)? };
    let app = App::new(store, Arc::new(market), config, metrics_handle()?);
    api::serve(listener, app, shutdown).await.map_err(anyhow::Error::from)?;
    Ok(())
}

/// How the bundles that are submitted here share the queue.
fn terms(args: QueueArgs) -> Terms {
    let ordering = match args.ordering {
        OrderingArg::Strict => Ordering::Strict,
        OrderingArg::Fair => Ordering::Fair { chunk: JOBS_A_TURN },
    };
    Terms { ordering, running_cap: args.owner_running_cap.map(NonZeroU32::get) }
}

/// Waits for a database that is away; refuses to start on a schema that does not fit, with the
/// command that mends it. `false` on shutdown.
pub(crate) async fn fits(store: &dyn Store, shutdown: &CancellationToken) -> Result<bool, Failure> {
    loop {
        match store.schema().await {
            Ok(schema) if schema.fits() => return Ok(true),
            Ok(Schema { found, needed, .. }) => {
                return Err(store::Error::WrongSchema { found, needed }.into());
            }
            Err(error @ store::Error::Unavailable { .. }) => {
                tracing::warn!(%error, retry_ms = RETRY.as_millis(), "waiting for the database");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => return Ok(false),
        }
    }
}
