//! How a stream of events begins: with its first block, with 204, or with a wish to come back later.
//!
//! A browser's `EventSource` gives up for good on an error status. So only what would fail again in the same way is
//! answered with one (a wrong cursor, a wrong name); being full or cut off from the broker is a 200 that ends.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use headwater_broker::{Start, Subscription};
use headwater_events::{Filter, Scope};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    frame::{self, Style},
    reader::Reader,
};
use crate::{
    app::App,
    identity::{Caller, Vigil},
    problem::Problem,
    query::ReadQuery,
};

/// Subscribes and answers.
pub(crate) async fn open(
    app: &Arc<App>,
    caller: Caller,
    scope: Scope,
    query: ReadQuery,
    default_start: Start,
    method: &Method,
) -> Result<Response, Problem> {
    if app.draining.is_cancelled() {
        return Ok(later(app, None));
    }
    let Some(seat) = app.seat() else {
        return Ok(later(app, None));
    };
    let start = query.start.unwrap_or(default_start);
    let subscription = Subscription {
        scope: scope.clone(),
        filter: query.filter,
        start: start.clone(),
        overflow: query.overflow,
    };
    let opened = async {
        if is_over(app, &scope, start).await? {
            return Ok(None);
        }
        app.broker.subscribe(subscription).await.map(Some)
    };
    match opened.await {
        // Asked only for the head: what there is to refuse was refused.
        Ok(Some(_)) if *method == Method::HEAD => Ok(streaming(Body::empty())),
        Ok(Some(stream)) => {
            let style = Style { named: query.named, scope };
            Ok(streaming(Reader::new(seat, Vigil::new(&app.authority, caller), stream, style).into_body()))
        }
        Ok(None) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            headers(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let problem = Problem::from(error);
            if problem.is_passing() { Ok(later(app, Some(&problem))) } else { Err(problem) }
        }
    }
}

/// Whether a reader comes back to a run that has ended, with nothing stored behind its cursor: 204 then, so that it
/// stops coming back. The filter does not matter: what it hides is stored all the same.
async fn is_over(app: &App, scope: &Scope, start: Start) -> Result<bool, headwater_broker::Error> {
    if !matches!((scope, &start), (Scope::Stream(..), Start::After(_))) {
        return Ok(false);
    }
    let page = app.broker.read(scope, &Filter::all(), start, 1).await?;
    Ok(page.end && page.events.is_empty() && page.gaps.is_empty())
}

/// 200, `retry:` and a close.
fn later(app: &App, problem: Option<&Problem>) -> Response {
    let mut block = frame::opening(None, app.config.retry_overload_ms).to_vec();
    if let Some(problem) = problem {
        block.extend_from_slice(&frame::error(problem, None));
    }
    streaming(Body::from(Bytes::from(block)))
}

fn streaming(body: Body) -> Response {
    let mut response = Response::new(body);
    headers(response.headers_mut());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn headers(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}
