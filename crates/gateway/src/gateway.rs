//! The gateway: routes over a broker, and a server for them.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::future::BoxFuture;
use headwater_broker::EventBroker;
use headwater_store::SystemClock;
use http::{Method, StatusCode, Uri};
use tokio::net::TcpListener;

use crate::{
    GatewayConfig,
    app::App,
    cors::Cors,
    groups, health,
    identity::{Authority, tickets},
    problem::Problem,
    publish, serve, sse, streams, ws,
};

/// Where events are published, and read for a whole tenant.
pub(crate) const EVENTS: &str = "/v1/events";

/// Why a gateway stopped, or did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot work: fix it (exit code 64).
    #[error("gateway: {0}")]
    Config(String),
    /// The listener failed for good.
    #[error("cannot accept connections: {0}")]
    Accept(#[source] std::io::Error),
}

/// The HTTP door of a broker. Cloning copies a pointer.
#[derive(Clone)]
pub struct Gateway {
    app: Arc<App>,
}

impl Gateway {
    /// A gateway over a broker that asks nobody who they are: for a loopback address, or behind something that asks.
    /// Installs the process's metrics recorder if there is none.
    #[must_use]
    pub fn new(broker: Arc<dyn EventBroker>, config: GatewayConfig) -> Self {
        Self::guarded(broker, config, Arc::new(Authority::open_to_all(Arc::new(SystemClock))))
    }

    /// A gateway that admits whom `authority` knows.
    #[must_use]
    pub fn guarded(broker: Arc<dyn EventBroker>, config: GatewayConfig, authority: Arc<Authority>) -> Self {
        Self { app: Arc::new(App::new(broker, config, authority)) }
    }

    /// The routes, for a program that has a server of its own. Limits of connections are then that server's, and
    /// streams end when [`Gateway::drain`] is called.
    pub fn router(&self) -> Router {
        Router::new()
            .route(EVENTS, post(publish::publish).get(sse::tenant_events))
            .route("/v1/streams", get(streams::list))
            .route("/v1/streams/{stream}", get(streams::show).delete(streams::delete))
            .route("/v1/streams/{stream}/events", get(sse::stream_events))
            .route("/v1/tickets", post(tickets::create))
            .route("/v1/ws", get(ws::upgrade))
            .merge(groups::routes())
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(health::guarded_metrics))
            .method_not_allowed_fallback(other_method)
            .fallback(other_path)
            .with_state(Arc::clone(&self.app))
            .layer(Cors::new(&self.app.config.allowed_origins))
    }

    /// Serves until `shutdown` is done, then stops in order: no new connection, streams end with `retry:` and a
    /// cursor, requests in flight are answered. Connections that are still open after
    /// [`GatewayConfig::shutdown_timeout_ms`] are cut. The broker is left open.
    ///
    /// # Errors
    /// The configuration cannot work, or the listener failed for good.
    pub fn serve<'a>(
        &'a self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.serve_until(listener, Box::pin(shutdown))
    }

    /// Boxed here, so that the server is compiled with this crate and not again in each that calls it.
    fn serve_until<'a>(
        &'a self,
        listener: TcpListener,
        shutdown: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.app.config.check().map_err(Error::Config)?;
            self.check_place(&listener)?;
            serve::serve(Arc::clone(&self.app), self.router(), listener, shutdown).await
        })
    }

    /// A door that is open to everybody is not where others come by.
    fn check_place(&self, listener: &TcpListener) -> Result<(), Error> {
        let addr = listener.local_addr().map_err(Error::Accept)?;
        if addr.ip().is_loopback() || self.app.config.insecure || !self.app.authority.is_open() {
            return Ok(());
        }
        Err(Error::Config(format!("nobody is asked who they are: {addr} needs an authority, or `insecure`")))
    }

    /// Ends every stream in order, refuses new ones with a wish to come back later, and takes readiness away.
    /// [`Gateway::serve`] does it by itself when it stops.
    pub fn drain(&self) {
        self.app.draining.cancel();
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("config", &self.app.config).finish_non_exhaustive()
    }
}

/// The router names what is allowed in `Allow`.
async fn other_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    Problem::new("method-not-allowed", format!("{} does not take {method}: see the header Allow", uri.path()))
        .into_response()
}

async fn other_path(uri: Uri) -> Problem {
    Problem::new("not-found", format!("there is nothing at {}", uri.path()))
}
