//! Whether it lives, whether it is ready, and what it counts.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use headwater_broker::StatusKind;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::json;

use crate::{app::App, meters, problem::Problem};

/// The process answers. Says nothing of the broker: a restart would not help it.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Requests can be sent here: the broker can at least be read, and the gateway is not stopping.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let (kind, detail) = {
        let status = app.broker.status();
        let status = status.borrow();
        (status.kind, status.detail.clone())
    };
    let (ready, word) = if app.draining.is_cancelled() {
        (false, "stopping")
    } else {
        (matches!(kind, StatusKind::Ready | StatusKind::ReadOnly), kind.as_str())
    };
    // An address of a broker is nobody's business.
    let detail = if app.authority.is_open() { detail } else { String::new() };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(json!({ "status": word, "detail": detail })))
        .into_response()
}

/// The metrics of this process in Prometheus' text form.
pub(crate) async fn metrics() -> Response {
    render()
}

/// The same for those who administer all tenants, where callers are asked who they are: names of groups and of types stand in it.
pub(crate) async fn guarded_metrics(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    match app.admit(&headers, &uri).await.and_then(|caller| caller.may_everywhere()) {
        Ok(()) => render(),
        Err(problem) => problem.into_response(),
    }
}

fn render() -> Response {
    match meters::handle() {
        Some(handle) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
                .into_response()
        }
        None => Problem::new("unsupported", "the program around this gateway keeps its metrics elsewhere")
            .into_response(),
    }
}
