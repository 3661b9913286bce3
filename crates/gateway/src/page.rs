//! A page of history as JSON, put together from the events' own bytes.

use std::{io::Write as _, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use headwater_broker::{Gap, Page, Start};
use headwater_events::{Filter, Scope, StreamName};
use http::{HeaderValue, header};
use serde_json::json;

use crate::{app::App, identity::Caller, problem::Problem, query::ReadQuery};

/// Answers one page.
pub(crate) async fn answer(
    app: &Arc<App>,
    caller: &Caller,
    scope: &Scope,
    query: &ReadQuery,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or(app.config.page_events).min(app.config.max_page_events);
    let start = query.start.clone().unwrap_or(Start::Earliest);
    let mut page = if caller.sees_all() {
        app.broker.read(scope, &query.filter, start, limit).await?
    } else {
        visible(app, caller, scope, query, start, limit).await?
    };
    cut(&mut page, app.config.max_page_bytes);
    let mut response = Response::new(Body::from(encode(&page, scope)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A page for who does not see everything. The caller's filter is asked only of what the caller sees: if it chose among
/// hidden events, the place and the end of the page would tell which of them there are.
async fn visible(
    app: &App,
    caller: &Caller,
    scope: &Scope,
    query: &ReadQuery,
    start: Start,
    limit: usize,
) -> Result<Page, Problem> {
    let mut page = app.broker.read(scope, &Filter::all(), start, app.config.max_page_events).await?;
    page.events.retain(|delivery| caller.sees(delivery.event()) && query.filter.matches(delivery.event()));
    page.gaps.retain(|gap| gap.stream.as_ref().is_none_or(|stream| caller.sees_stream(stream)));
    if let Some(last) = limit.checked_sub(1) {
        end_with(&mut page, last);
    }
    Ok(page)
}

/// Ends the page with one of its events, where others follow; reading on begins behind it.
fn end_with(page: &mut Page, last: usize) {
    if last + 1 < page.events.len() {
        page.events.truncate(last + 1);
        page.next = page.events[last].cursor.clone();
        page.more = true;
        page.end = false;
    }
}

/// Ends the page with the event that takes it past `max` bytes.
fn cut(page: &mut Page, max: usize) {
    let mut bytes = 0;
    let over = page.events.iter().position(|delivery| {
        bytes += delivery.event().json().len();
        bytes > max
    });
    if let Some(last) = over {
        end_with(page, last);
    }
}

/// `{"events":[…],"next":…,"end":…,"more":…,"cursors":[…]}`, and `gaps` where there are any. `cursors` has one place
/// for each event.
fn encode(page: &Page, scope: &Scope) -> Vec<u8> {
    let bytes: usize = page.events.iter().map(|delivery| delivery.event().json().len() + 1).sum();
    let mut out = Vec::with_capacity(bytes + 160);
    out.extend_from_slice(br#"{"events":["#);
    for (i, delivery) in page.events.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(delivery.event().json());
    }
    let tail = format!(r#"],"next":"{}","end":{},"more":{}"#, page.next, page.end, page.more);
    out.extend_from_slice(tail.as_bytes());
    out.extend_from_slice(b",\"cursors\":[");
    for (i, delivery) in page.events.iter().enumerate() {
        // Writing into a vector cannot fail.
        let _ = write!(out, "{}\"{}\"", if i > 0 { "," } else { "" }, delivery.cursor);
    }
    out.push(b']');
    if !page.gaps.is_empty() {
        let gaps: Vec<String> = page.gaps.iter().map(|gap| gap_json(gap, scope).to_string()).collect();
        out.extend_from_slice(format!(",\"gaps\":[{}]", gaps.join(",")).as_bytes());
    }
    out.push(b'}');
    out
}

/// `{"from","to","reason","stream"}`; no stream where the gap is not of one.
pub(crate) fn gap_json(gap: &Gap, scope: &Scope) -> serde_json::Value {
    let own = match scope {
        Scope::Stream(_, stream) => Some(stream),
        _ => None,
    };
    let mut value = json!({
        "from": gap.from.to_string(),
        "to": gap.to.to_string(),
        "reason": gap.reason.as_str(),
    });
    if let Some(stream) = gap.stream.as_ref().or(own) {
        value["stream"] = stream.as_str().into();
    }
    value
}

/// A name as it stands in a path; not even text where its escapes are wrong.
pub(crate) type PathName = Result<Path<String>, PathRejection>;

/// The stream a path names.
pub(crate) fn stream_name(name: PathName) -> Result<StreamName, Problem> {
    let Path(name) = name.map_err(|e| Problem::new("invalid-stream", e.body_text()))?;
    let name = StreamName::new(name)?;
    if name.is_reserved() {
        return Err(Problem::new("invalid-stream", format!("`{name}` is Headwater's own")));
    }
    Ok(name)
}
