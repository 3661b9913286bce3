//! `POST /v1/tickets`: what a browser shows instead of a key.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use headwater_events::StreamName;
use http::{HeaderMap, HeaderValue, Uri, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    caller::{By, Caller},
    credential::COOKIE,
    grant::Right,
    names::Names,
    refused,
};
use crate::{app::App, body::json, problem::Problem, streams::timed};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    /// Names, or prefixes that end in `*`; none is all that the caller may read.
    streams: Vec<String>,
    /// How long it is good, in seconds.
    ttl_s: Option<i64>,
    /// Whether it comes as a cookie, which a page's code does not see.
    cookie: bool,
}

#[derive(Debug, Serialize)]
struct Given {
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    expires: Timestamp,
}

/// How long a ticket is good where nobody says, and at most, in seconds.
const TTL: (i64, i64) = (3600, 24 * 3600);
/// The longest ticket, in bytes: it has to stand in a URL, or in a cookie.
const MAX_TICKET: usize = 2048;

/// `{streams?, ttl_s?, cookie?}` → `{ticket, expires}`, or `{expires}` and a cookie.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let caller = app.admit(&headers, &uri).await?;
        caller.may(Right::Subscribe)?;
        if matches!(caller.by, By::Ticket { .. }) {
            return Err(refused::forbidden("a ticket gives no other ticket: ask with a key or a token"));
        }
        let asked: Asked = json(&app, &headers, body).await?;
        give(&app, &caller, &asked, &headers)
    };
    timed(&app, "tickets", answer).await
}

fn give(app: &App, caller: &Caller, asked: &Asked, headers: &HeaderMap) -> Result<Response, Problem> {
    let streams = streams(caller, &asked.streams)?;
    let ttl = asked.ttl_s.unwrap_or(TTL.0);
    if !(1..=TTL.1).contains(&ttl) {
        return Err(bad(format!("ttl_s: must be 1 to {}", TTL.1)));
    }
    let until = app.authority.now().saturating_add(SignedDuration::from_secs(ttl)).unwrap_or(Timestamp::MAX);
    let until = caller.until.map_or(until, |end| until.min(end));
    let path = match &streams[..] {
        [only] if !only.ends_with('*') => format!("/v1/streams/{only}"),
        _ => "/v1".to_owned(),
    };
    let ticket = app.authority.sign(caller, streams, until);
    if ticket.len() > MAX_TICKET {
        return Err(bad("streams: so many do not fit: name prefixes, or ask for several tickets"));
    }
    let given = Given { ticket: (!asked.cookie).then(|| ticket.clone()), expires: until };
    let mut response = Json(given).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if asked.cookie {
        let age = until.duration_since(app.authority.now()).as_secs().max(0);
        let secure = if is_loopback(headers) { "" } else { "; Secure" };
        let cookie =
            format!("{COOKIE}={ticket}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
        let cookie = HeaderValue::try_from(cookie).map_err(|_| bad("streams: cannot stand in a cookie"))?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The streams of a ticket: never more than its caller's own.
fn streams(caller: &Caller, asked: &[String]) -> Result<Vec<String>, Problem> {
    Names::new(asked, |name| StreamName::new(name.to_owned()).is_ok_and(|name| !name.is_reserved()))
        .map_err(|error| bad(format!("streams: {error}")))?;
    let Some(own) = caller.rights.streams() else {
        return Ok(asked.to_vec());
    };
    if asked.is_empty() {
        return Ok(own.patterns().to_vec());
    }
    match asked.iter().find(|pattern| !own.cover_all_of(pattern)) {
        Some(pattern) => Err(refused::forbidden(format!("`{pattern}` is not the caller's to read"))),
        None => Ok(asked.to_vec()),
    }
}

/// Whether the browser runs on this machine: without TLS it would drop a cookie that is marked `Secure`.
fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn bad(why: impl Into<String>) -> Problem {
    Problem::new("bad-ticket", why)
}
