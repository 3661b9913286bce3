//! Runs and their state.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use headwater_broker::StreamInfo;
use headwater_events::StreamName;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use crate::{
    app::App,
    identity::{Caller, Right},
    page::{PathName, stream_name},
    problem::Problem,
    query::{bad, limit},
};

/// How many runs a list has where the request does not say.
const LIST: usize = 100;
/// The most runs of a list.
const MAX_LIST: usize = 1000;

/// `GET /v1/streams?after=NAME&limit=N`: `{"streams":[…],"next":NAME|null}` in the order of the names.
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    timed(&app, "streams", try_list(&app, &uri, &headers)).await
}

/// `GET /v1/streams/{stream}`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    timed(&app, "stream", try_show(&app, name, &uri, &headers)).await
}

/// `DELETE /v1/streams/{stream}`: 204.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    timed(&app, "stream_delete", try_delete(&app, name, &uri, &headers)).await
}

/// Answers and counts one request.
pub(crate) async fn timed(
    app: &App,
    route: &'static str,
    answer: impl Future<Output = Result<Response, Problem>>,
) -> Response {
    let began = Instant::now();
    let response = answer.await.unwrap_or_else(IntoResponse::into_response);
    app.meters.request(route, response.status().as_u16(), began.elapsed());
    response
}

async fn try_list(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let caller = app.admit(headers, uri).await?;
    caller.may(Right::Subscribe)?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|e| bad("query", e))?;
    let (mut after, mut most) = (None, LIST);
    for (key, value) in pairs {
        match key.as_str() {
            "after" if !value.is_empty() => after = Some(StreamName::new(value)?),
            "limit" => most = limit(&value)?.min(MAX_LIST),
            _ => {}
        }
    }
    let streams = seen(app, &caller, after, most).await?;
    let next = if streams.len() == most { streams.last().map(|run| run.stream.clone()) } else { None };
    Ok(Json(json!({ "streams": streams, "next": next })).into_response())
}

/// The next `most` runs that the caller sees. Those between are passed over here, so that no name of them is told.
async fn seen(
    app: &App,
    caller: &Caller,
    mut after: Option<StreamName>,
    most: usize,
) -> Result<Vec<StreamInfo>, Problem> {
    let mut seen = Vec::new();
    // Where most of them may have to be passed over, many are looked at in one go.
    let look = if caller.sees_all() { most } else { MAX_LIST };
    // Ends with the list of names, which every round shortens.
    loop {
        let page = app.broker.streams(caller.tenant(), after.as_ref(), look).await?;
        let is_last = page.len() < look;
        after = page.last().map(|run| run.stream.clone());
        seen.extend(page.into_iter().filter(|run| caller.sees_stream(&run.stream)).take(most - seen.len()));
        if is_last || seen.len() == most {
            return Ok(seen);
        }
    }
}

async fn try_show(app: &App, name: PathName, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let (caller, stream) = (app.admit(headers, uri).await?, stream_name(name)?);
    let tenant = caller.may_in(Right::Subscribe, &stream)?;
    match app.broker.stream(tenant, &stream).await? {
        Some(run) => Ok(Json(run).into_response()),
        None => Err(none(&stream)),
    }
}

async fn try_delete(app: &App, name: PathName, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let (caller, stream) = (app.admit(headers, uri).await?, stream_name(name)?);
    let tenant = caller.may_in(Right::Admin, &stream)?;
    if app.broker.delete_stream(tenant, &stream).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(none(&stream))
    }
}

fn none(stream: &StreamName) -> Problem {
    Problem::new("stream-not-found", format!("there is no stream `{stream}` in this tenant"))
}
