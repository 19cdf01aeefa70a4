//! The server: accepts connections until told to stop, then lets requests in flight end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::config::Config;
use crate::raw_query::RawQuery;
use crate::router::router;
use crate::stall::Impatient;

/// Pause after an accept failed: most likely the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listener does not say where it listens.
    #[error("the listener has no address")]
    Listener(#[source] io::Error),
}

/// Serves `app` over HTTP/1.1 on `listener` until `shutdown` is cancelled.
///
/// Then no connection is accepted, idle ones are closed, and requests in flight have
/// [`Config::drain`](crate::Config::drain) to end; those that have not are cut.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let address = listener.local_addr().map_err(Error::Listener)?;
    tracing::info!(%address, "listening");
    let router = router(app.clone());
    let connections = TaskTracker::new();
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    let sweeper = app.clone();
    let swept = shutdown.clone();
    connections.spawn(async move { swept.run_until_cancelled(sweeper.sweep()).await });
    let (listening, heard) = (app.clone(), shutdown.clone());
    connections.spawn(async move { heard.run_until_cancelled(listening.hear()).await });
    let (node, stop) = (app.clone(), shutdown.clone());
    connections.spawn(async move { node.run_node(stop).await });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), &graceful, app.config());
                let cut = cut.clone();
                connections.spawn(async move { cut.run_until_cancelled(connection).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    app.begin_drain();
    tracing::info!(connections = connections.len(), "draining");
    if tokio::time::timeout(app.config().drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests in flight were cut at the end of the drain time");
        cut.cancel();
    }
    connections.wait().await;
    tracing::info!(%address, "stopped");
    Ok(())
}

/// Serves one connection to its end.
fn connection(
    stream: TcpStream,
    router: Router,
    graceful: &GracefulShutdown,
    config: &Config,
) -> impl Future<Output = ()> + Send + use<> {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has no nodelay");
    }
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
    let (reads, writes) = stream.into_split();
    let stream = Impatient::new(tokio::io::join(RawQuery::new(reads), writes), config.stall);
    let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
