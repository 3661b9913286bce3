//! A server's answer as pieces.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use headwater_client::sse::Decoder;
use reqwest::{Response, header};
use serde_json::Value;

use super::{Answer, ModelError, ModelErrorKind as Kind, Piece, chunk, endpoint::causes};
use crate::metric_definitions as m;

/// The longest line of a stream, and the largest answer that is not streamed, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// How many pieces may make no sense before the answer does not.
const MAX_GARBAGE: u32 = 32;

/// Reads an answer, streamed or whole.
pub(super) async fn read(response: Response, stall: Duration) -> Result<Answer, ModelError> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match kind.unwrap_or("").to_ascii_lowercase() {
        kind if kind.starts_with("text/event-stream") => Ok(streamed(response, stall)),
        kind if kind.contains("json") => whole(response, stall).await,
        other => {
            let what = if other.is_empty() { "something without a type" } else { other.as_str() };
            Err(ModelError::new(Kind::NotAnApi, format!("the server answers with {what}, not with a stream")))
        }
    }
}

/// The beginning of a body.
pub(super) async fn start_of(mut response: Response, most: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < most
        && let Ok(Some(bytes)) = response.chunk().await
    {
        text.extend_from_slice(&bytes);
    }
    text
}

/// A server that does not stream, or did not wish to.
async fn whole(response: Response, stall: Duration) -> Result<Answer, ModelError> {
    let text = tokio::time::timeout(stall, start_of(response, MAX_BYTES)).await;
    let text = text.map_err(|_| ModelError::new(Kind::Stalled, "the answer did not come"))?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|_| ModelError::new(Kind::NotAnApi, "the server answers with JSON that is none"))?;
    if value["choices"].as_array().is_none() && value.get("error").is_none() {
        return Err(ModelError::new(
            Kind::NotAnApi,
            "the server answers with JSON that is no answer of a model",
        ));
    }
    let pieces = chunk::pieces(&value)?;
    Ok(stream::iter(pieces.into_iter().map(Ok)).boxed())
}

struct Reading {
    response: Response,
    decoder: Decoder,
    ready: VecDeque<Piece>,
    stall: Duration,
    garbage: u32,
    /// The model said why it stops.
    finished: bool,
    /// What went wrong behind the pieces that are ready.
    failed: Option<ModelError>,
    over: bool,
}

fn streamed(response: Response, stall: Duration) -> Answer {
    let reading = Reading {
        response,
        decoder: Decoder::new(MAX_BYTES),
        ready: VecDeque::new(),
        stall,
        garbage: 0,
        finished: false,
        failed: None,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        reading.over |= next.is_err();
        Some((next, reading))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            if self.over {
                return None;
            }
            let chunk = match tokio::time::timeout(self.stall, self.response.chunk()).await {
                Err(_) => {
                    let why = format!("nothing came for {:?}", self.stall);
                    return Some(Err(ModelError::new(Kind::Stalled, why)));
                }
                Ok(Err(error)) => {
                    let why = format!("the answer was cut off: {}", causes(&error.without_url()));
                    return Some(Err(ModelError::new(Kind::Cut, why)));
                }
                Ok(Ok(chunk)) => chunk,
            };
            match chunk {
                Some(bytes) => {
                    self.decoder.push(bytes);
                    self.failed = self.decode().err();
                }
                // Some close without a last word, but not without a reason.
                None if self.finished => self.over = true,
                None => return Some(Err(ModelError::new(Kind::Cut, "the answer was cut off"))),
            }
        }
    }

    fn decode(&mut self) -> Result<(), ModelError> {
        let mut lines: Vec<Bytes> = Vec::new();
        loop {
            match self.decoder.next() {
                Ok(Some(frame)) => lines.extend(frame.data),
                Ok(None) => break,
                Err(_) => return Err(ModelError::new(Kind::Garbled, "a line of the answer has no end")),
            }
        }
        for line in lines {
            if line.trim_ascii() == b"[DONE]" {
                self.over = true;
                break;
            }
            match serde_json::from_slice::<Value>(&line) {
                Ok(value) if value.is_object() => {
                    let pieces = chunk::pieces(&value)?;
                    self.finished |= pieces.iter().any(|piece| matches!(piece, Piece::Finish(_)));
                    self.ready.extend(pieces);
                }
                _ => {
                    metrics::counter!(m::MODEL_GARBAGE).increment(1);
                    self.garbage += 1;
                    self.ready.push_back(Piece::Garbage);
                    if self.garbage > MAX_GARBAGE {
                        return Err(ModelError::new(Kind::Garbled, "the answer is not JSON"));
                    }
                }
            }
        }
        Ok(())
    }
}
