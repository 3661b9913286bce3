//! The door of a process that has no broker to offer: metrics and health, and nothing else.

use std::{fmt, io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{health, meters, serve::upkeep};

type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// `/metrics`, `/healthz` and `/readyz` of a worker.
#[derive(Clone)]
pub struct Monitor {
    ready: Ready,
}

impl Monitor {
    /// Installs the process's recorder, if there is none: everything that is counted from now on is shown. `ready` says
    /// why the process is not ready, if it is not.
    pub fn new(ready: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        let _ = meters::handle();
        Self { ready: Arc::new(ready) }
    }

    /// Serves until `stop` is ready. Dropping the future stops it at once.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let router = Router::new()
            .route("/metrics", get(health::metrics))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(readyz))
            .with_state(self.ready);
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop);
        tokio::select! {
            served = serving => served,
            () = upkeep() => Ok(()),
        }
    }
}

async fn readyz(State(ready): State<Ready>) -> Response {
    let (status, word, detail) = match ready() {
        Ok(()) => (StatusCode::OK, "ready", None),
        Err(detail) => (StatusCode::SERVICE_UNAVAILABLE, "waiting", Some(detail)),
    };
    (status, Json(json!({ "status": word, "detail": detail }))).into_response()
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}
