//! The HTTP side: `/metrics` for Prometheus, `/healthz` and `/readyz` for probes.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::health::MAX_SILENCE;

/// Connections served at a time; more wait in the listen queue.
const MAX_CLIENTS: usize = 64;
/// From the start of a connection to the end of its only request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// From the start of a connection to its end.
const LIFETIME: Duration = Duration::from_secs(30);
/// Pause after an accept that failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PATHS: &str = "not found; there are /metrics, /healthz and /readyz\n";

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("cannot listen on {0}: address already in use; choose another with --listen")]
    InUse(SocketAddr),
    /// The port is reserved for privileged processes.
    #[error(
        "cannot listen on {0}: permission denied; choose a port above 1023 with --listen, or grant CAP_NET_BIND_SERVICE"
    )]
    Denied(SocketAddr),
    /// No interface has this address.
    #[error("cannot listen on {0}: this machine has no such address; choose another with --listen")]
    NoSuchAddress(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {0}")]
    Other(SocketAddr, #[source] io::Error),
}

/// Listens on `address`; port 0 takes any free one.
///
/// # Errors
/// If the address is taken, not of this machine, or reserved.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => ListenError::InUse(address),
        ErrorKind::PermissionDenied => ListenError::Denied(address),
        ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress(address),
        _ => ListenError::Other(address, error),
    })
}

/// Serves until the future is dropped, which also ends every connection.
///
/// A connection carries one request and has a bounded lifetime, so that slow and silent clients free their
/// place by themselves.
///
/// # Errors
/// If the listener cannot be handed to the runtime.
pub async fn serve(listener: TcpListener, shared: Shared) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = router(shared);
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let router = router.clone();
        clients.spawn(async move {
            converse(stream, router).await;
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(LIFETIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP client was dropped"),
        Err(_) => tracing::debug!(limit = ?LIFETIME, "an HTTP client took too long"),
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(async || (StatusCode::NOT_FOUND, PATHS))
        .with_state(shared)
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, prometheus::TEXT_FORMAT)],
        shared.metrics().render(),
    )
}

async fn healthz(State(shared): State<Shared>) -> (StatusCode, String) {
    liveness(shared.health().silence())
}

fn liveness(silence: Duration) -> (StatusCode, String) {
    if silence <= MAX_SILENCE {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let reason = format!("the event loop has been silent for {} s\n", silence.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, reason)
}

async fn readyz(State(shared): State<Shared>) -> (StatusCode, String) {
    match shared.health().pending() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}

#[cfg(test)]
mod tests;
