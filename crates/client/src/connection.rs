//! One connection of a subscription.

use std::sync::Arc;

use bytes::Bytes;
use headwater_broker::{Error, Start};
use headwater_store::Error as StoreError;
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};

use crate::{
    http::{Call, Http, is_passing},
    problem, query,
    sse::{Decoder, Frame},
};

/// The longest frame that is taken: far above what a server stores, far below what would hurt.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    response: Response,
    decoder: Decoder,
    heard: Instant,
}

/// What became of opening one.
#[derive(Debug)]
pub(crate) enum Opened {
    /// It is open.
    Open(Box<Connection>),
    /// The run has ended and there is nothing behind the cursor (204).
    Over,
}

/// Why opening one failed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Try again later.
    ForNow(Error),
    /// Trying again changes nothing.
    ForGood(Error),
}

impl Connection {
    /// Sends the request and waits for the head of the answer.
    pub(crate) async fn open(http: &Arc<Http>, call: &Call, start: &Start) -> Result<Opened, Refused> {
        let mut call = call.clone();
        call.accept = "text/event-stream";
        query::add(&mut call.url, "after", &start.to_string());
        let response = http.send_once(&call).await.map_err(|error| match error {
            Error::Store(StoreError::Closed) => Refused::ForGood(error),
            error => Refused::ForNow(error),
        })?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(Opened::Over),
            StatusCode::OK => {
                let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
                if !kind.starts_with(b"text/event-stream") {
                    let kind = String::from_utf8_lossy(kind).into_owned();
                    return Err(Refused::ForGood(odd(format!("expected text/event-stream, got `{kind}`"))));
                }
                let decoder = Decoder::new(MAX_FRAME);
                Ok(Opened::Open(Box::new(Self { response, decoder, heard: Instant::now() })))
            }
            status => {
                let passing = is_passing(status);
                let body = tokio::time::timeout(http.options.request_timeout, response.bytes()).await;
                let body = body.ok().and_then(Result::ok).unwrap_or_default();
                let error = problem::parse(status, &body);
                Err(if passing { Refused::ForNow(error) } else { Refused::ForGood(error) })
            }
        }
    }

    /// The next frame of what has come in.
    pub(crate) fn frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        self.decoder.next().map_err(|_| odd(format!("a frame of more than {MAX_FRAME} bytes")))
    }

    /// Waits for more. `false`: the connection is of no more use. Dropping the future loses nothing.
    pub(crate) async fn more(&mut self, idle: std::time::Duration) -> bool {
        let chunk: Option<Bytes> = match timeout_at(self.heard + idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                tracing::debug!(%error, "subscription lost its connection");
                None
            }
            Err(_) => {
                tracing::debug!(?idle, "subscription heard nothing, not even a heartbeat");
                None
            }
        };
        let Some(chunk) = chunk else { return false };
        self.heard = Instant::now();
        self.decoder.push(chunk);
        true
    }
}

fn odd(detail: String) -> Error {
    Error::Remote { code: "bad-answer".into(), status: 200, detail }
}
