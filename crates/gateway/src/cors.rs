//! Which pages of other origins may read and publish: cross-origin resource sharing, as browsers ask for it.
//!
//! A request without `Origin` passes as it came, with one header more in its answer.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{body::Body, extract::Request, response::Response, routing::Route};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower::{Layer, Service};

/// Loopback origins, with any port.
const LOOPBACK: &str = "loopback";
/// Every origin.
const ANY: &str = "*";
/// What a page may ask with.
const METHODS: &str = "GET, HEAD, POST, DELETE";
/// Headers a page may send; attributes of events (`ce-…`) come on top.
const HEADERS: [&str; 6] =
    ["authorization", "last-event-id", "headwater-tenant", "content-type", "accept", "cache-control"];
/// What a page may read of an answer's headers beyond what every page may.
const EXPOSED: &str = "allow, retry-after";
/// How long a browser need not ask again, in seconds: what Chromium takes at most.
const MAX_AGE: &str = "7200";

/// Says what is wrong with an entry of the list, if anything.
pub(crate) fn check(entry: &str) -> Result<(), String> {
    let origin = entry.strip_prefix("http://").or_else(|| entry.strip_prefix("https://"));
    let whole = origin.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'*'))
    });
    if whole || matches!(entry, ANY | LOOPBACK) {
        return Ok(());
    }
    Err(format!("`{entry}` is no origin: write `https://host` or `https://host:port`, `loopback` or `*`"))
}

/// Whether a page of an origin may come: one of its own host, or one that is allowed.
pub(crate) fn admits(allowed: &[String], origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let own =
        origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host.as_bytes());
    Cors::new(allowed).allow(origin).is_some()
        || host.is_some_and(|host| own.is_some_and(|own| own.eq_ignore_ascii_case(host.as_bytes())))
}

/// The layer around the routes.
#[derive(Clone)]
pub(crate) struct Cors(Arc<[String]>);

impl Cors {
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self(allowed.iter().map(|entry| entry.to_ascii_lowercase()).collect())
    }

    fn any(&self) -> bool {
        self.0.iter().any(|entry| entry == ANY)
    }

    /// What `Access-Control-Allow-Origin` says to an origin, if it may come at all.
    fn allow(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.any() {
            return Some(HeaderValue::from_static(ANY));
        }
        let text = origin.to_str().ok()?;
        let known = |entry: &String| match entry.as_str() {
            LOOPBACK => is_loopback(text),
            entry => entry == text,
        };
        self.0.iter().any(known).then(|| origin.clone())
    }

    /// The answer to a browser that asks before it sends.
    fn preflight(&self, asked: &HeaderMap, origin: &HeaderValue) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.any() {
            headers.insert(header::VARY, HeaderValue::from_static("access-control-request-headers"));
        } else {
            headers.insert(header::VARY, HeaderValue::from_static("origin, access-control-request-headers"));
        }
        if let Some(allowed) = self.allow(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
            if let Some(names) = allowed_headers(asked) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
        }
        response
    }
}

/// The headers that are asked for, as far as they are allowed.
fn allowed_headers(asked: &HeaderMap) -> Option<HeaderValue> {
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?.to_ascii_lowercase();
    let known = |name: &&str| {
        (HEADERS.contains(name) || name.starts_with("ce-")) && HeaderName::try_from(*name).is_ok()
    };
    let names: Vec<&str> = names.split(',').map(str::trim).filter(known).collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|names| !names.is_empty())
}

fn is_loopback(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some_and(is_loopback_host)
}

/// Whether `host` or `host:port` is this machine, by a name that nobody else can give it.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| match host.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

impl Layer<Route> for Cors {
    type Service = Shared;

    fn layer(&self, inner: Route) -> Shared {
        Shared { inner, cors: self.clone() }
    }
}

/// The routes, shared with pages of other origins.
#[derive(Clone)]
pub(crate) struct Shared {
    inner: Route,
    cors: Cors,
}

type Inner = <Route as Service<Request>>::Future;

impl Service<Request> for Shared {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request) -> Answer {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN);
        if let Some(origin) = origin
            && request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return Answer::Preflight(Some(self.cors.preflight(headers, origin)));
        }
        let allowed = origin.and_then(|origin| self.cors.allow(origin));
        // The answer depends on the origin even where none was sent: a cache must know. None keeps a publish's.
        let varies = !self.cors.any() && (origin.is_some() || request.method() != Method::POST);
        Answer::Routed { inner: Service::<Request>::call(&mut self.inner, request), allowed, varies }
    }
}

/// An answer on its way. Boxing the larger kind would cost every request for the sake of the rare one.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Answer {
    Preflight(Option<Response>),
    Routed { inner: Inner, allowed: Option<HeaderValue>, varies: bool },
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Preflight(response) => Poll::Ready(Ok(response.take().unwrap_or_default())),
            Self::Routed { inner, allowed, varies } => {
                let Ok(mut response) = ready!(Pin::new(inner).poll(cx));
                let headers = response.headers_mut();
                if *varies {
                    headers.append(header::VARY, HeaderValue::from_static("origin"));
                }
                if let Some(allowed) = allowed.take() {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
                    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}
