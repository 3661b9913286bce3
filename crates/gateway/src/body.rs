//! The body of a request: whole, within its limit, in time.

use std::fmt::Display;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{GatewayConfig, app::App, problem::Problem};

/// A body of JSON; an empty one is an empty object.
pub(crate) async fn json<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: axum::body::Body,
) -> Result<T, Problem> {
    let body = collect(body, headers, &app.config).await?;
    let body = if body.is_empty() { &b"{}"[..] } else { &body[..] };
    serde_json::from_slice(body).map_err(|error| Problem::new("malformed-json", format!("the body: {error}")))
}

/// A body as it comes in.
pub(crate) trait Piecewise: Body<Data = Bytes, Error: Display> + Unpin {}

impl<B: Body<Data = Bytes, Error: Display> + Unpin> Piecewise for B {}

/// The body as one piece of its own: the connection's buffer is free for what comes next, however long events live.
pub(crate) async fn collect(
    body: impl Piecewise,
    headers: &HeaderMap,
    config: &GatewayConfig,
) -> Result<Bytes, Problem> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    // A client that asked first has sent nothing yet.
    let waits = headers.contains_key(header::EXPECT);
    match timeout(config.body_read_timeout(), read(body, declared, waits, config.max_body_bytes)).await {
        Ok(body) => body,
        Err(_) => Err(Problem::new(
            "body-timeout",
            format!("the body did not come within {} ms", config.body_read_timeout_ms),
        )),
    }
}

async fn read(
    mut body: impl Piecewise,
    declared: Option<usize>,
    waits: bool,
    limit: usize,
) -> Result<Bytes, Problem> {
    if declared.is_some_and(|length| length > limit) {
        if !waits {
            discard(body, limit).await;
        }
        return Err(too_large(limit));
    }
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    if declared == Some(first.len()) {
        return Ok(Bytes::copy_from_slice(&first));
    }
    let Some(second) = next(&mut body).await? else {
        return Ok(Bytes::copy_from_slice(&first));
    };
    let mut whole =
        BytesMut::with_capacity(declared.unwrap_or(first.len() * 4).max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    let mut piece = second;
    loop {
        if whole.len() + piece.len() > limit {
            discard(body, limit).await;
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&piece);
        match next(&mut body).await? {
            Some(next) => piece = next,
            None => return Ok(whole.freeze()),
        }
    }
}

async fn next(body: &mut impl Piecewise) -> Result<Option<Bytes>, Problem> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                return Err(Problem::new("malformed-json", format!("the body broke off: {error}")));
            }
        }
    }
}

/// Takes what is still being sent, up to a limit: a client that is cut off while it writes would not read the answer.
async fn discard(mut body: impl Piecewise, limit: usize) {
    let mut taken = 0;
    while taken < limit {
        match next(&mut body).await {
            Ok(Some(piece)) => taken += piece.len(),
            _ => return,
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        "body-too-large",
        format!("the body is over the limit of {limit} bytes: send smaller batches"),
    )
}
