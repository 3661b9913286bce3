//! `GET /v1/streams/{stream}/events` and `GET /v1/events`: a stream of events, or a page.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use headwater_broker::Start;
use headwater_events::Scope;
use http::{HeaderMap, Method, Uri};

use super::open;
use crate::{
    app::App,
    identity::Caller,
    page::{self, PathName, stream_name},
    problem::Problem,
    query::{ReadQuery, wants_sse},
    streams::timed,
};

/// One stream.
pub(crate) async fn stream_events(
    State(app): State<Arc<App>>,
    name: PathName,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let caller = app.admit(&headers, &uri).await?;
        let query = ReadQuery::parse(&uri, &headers)?;
        let scope = Scope::Stream(caller.tenant().clone(), stream_name(name)?);
        read(&app, caller, scope, query, Start::Earliest, &method, &headers).await
    };
    timed(&app, "stream_events", answer).await
}

/// The tenant's durable events, or several streams.
pub(crate) async fn tenant_events(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let caller = app.admit(&headers, &uri).await?;
        let query = ReadQuery::parse(&uri, &headers)?;
        let scope = query.tenant_scope(caller.tenant().clone())?;
        read(&app, caller, scope, query, Start::Live, &method, &headers).await
    };
    timed(&app, "tenant_events", answer).await
}

/// `start` is where a stream of events begins when nothing says so; a page begins with the oldest.
async fn read(
    app: &Arc<App>,
    caller: Caller,
    scope: Scope,
    query: ReadQuery,
    start: Start,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    caller.may_read(&scope)?;
    if wants_sse(headers) {
        open::open(app, caller, scope, query, start, method).await
    } else {
        page::answer(app, &caller, &scope, &query).await
    }
}
