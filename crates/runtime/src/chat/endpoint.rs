//! Any server with an OpenAI-compatible interface.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use headwater_client::tls;
use headwater_store::Backoff;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::{Map, Value, json};

use super::{Answer, ChatModel, ChatRequest, ModelError, ModelErrorKind as Kind, chunk, reply};
use crate::metric_definitions as m;

/// Any server with an OpenAI-compatible interface: `POST <base>/chat/completions`, streamed.
///
/// Before a word of the answer has come, a request that the server has no time for (429), fails at (5xx) or does not take
/// is tried again, as the server wishes (`Retry-After`) or with growing waits. A wrong key is never tried again.
#[derive(Clone)]
pub struct Endpoint {
    client: Client,
    url: Url,
    key: Option<String>,
    model: String,
    attempts: u32,
    stall: Duration,
    extra: Map<String, Value>,
}

/// How long a server may wish that we wait.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How much of an error is read, in bytes.
const MAX_ERROR: usize = 64 * 1024;

impl Endpoint {
    /// A model at a base URL such as `https://api.openai.com/v1`, with a key where the server wants one.
    ///
    /// # Errors
    /// [`Kind::NotAnApi`]: the URL is none.
    pub fn new(base: &str, key: Option<String>, model: impl Into<String>) -> Result<Self, ModelError> {
        let wrong = |why: String| ModelError::new(Kind::NotAnApi, why);
        let mut url: Url = base.parse().map_err(|_| wrong(format!("`{base}` is no URL")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{base}` is no URL of a server")));
        }
        let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let builder = Client::builder().connect_timeout(Duration::from_secs(10));
        let builder = tls::configure(builder, url.scheme()).map_err(|error| wrong(error.to_string()))?;
        let client = builder.build().map_err(|error| wrong(error.to_string()))?;
        let (attempts, stall) = (4, Duration::from_secs(60));
        Ok(Self { client, url, key, model: model.into(), attempts, stall, extra: Map::new() })
    }

    /// Tries so often in all: 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Gives up an answer of which nothing has come for so long: 60 s.
    #[must_use]
    pub fn stall_timeout(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Sends a member of the request that has no setter: `temperature`, `reasoning_effort`.
    #[must_use]
    pub fn with(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(member.into(), value.into());
        self
    }

    fn body(&self, request: &ChatRequest, usage: bool) -> Value {
        let messages: Vec<Value> = request.messages.iter().map(super::Message::to_wire).collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), self.model.as_str().into());
        body.insert("messages".to_owned(), messages.into());
        body.insert("stream".to_owned(), true.into());
        if usage {
            body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
        if !request.tools.is_empty() {
            body.insert("tools".to_owned(), request.tools.clone().into());
        }
        body.extend(self.extra.clone());
        Value::Object(body)
    }

    fn request(&self, body: &Value) -> RequestBuilder {
        let request =
            self.client.post(self.url.clone()).header(header::ACCEPT, "text/event-stream").json(body);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// One try: the answer's beginning, or why there is none and how long the server wishes us to wait.
    async fn attempt(&self, body: &Value) -> Result<Response, (ModelError, Option<Duration>)> {
        let sent = tokio::time::timeout(self.stall, self.request(body).send()).await;
        let response = match sent {
            Err(_) => return Err((ModelError::new(Kind::Stalled, "the server does not answer"), None)),
            // The URL may hold credentials.
            Ok(Err(error)) => {
                let why = format!("no connection to the model: {}", causes(&error.without_url()));
                return Err((ModelError::new(Kind::Unreachable, why), None));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| Duration::try_from_secs_f64(text.parse().ok()?).ok());
        let wait = wait.map(|wait| wait.min(MAX_WAIT));
        let text = tokio::time::timeout(self.stall, reply::start_of(response, MAX_ERROR)).await;
        let said = match serde_json::from_slice::<Value>(&text.unwrap_or_default()) {
            Ok(value) => chunk::said(&value),
            Err(_) => "the server gave no reason".to_owned(),
        };
        let kind = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Unauthorized,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Kind::NotAnApi,
            StatusCode::TOO_MANY_REQUESTS => Kind::Overloaded,
            status if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() => Kind::Server,
            _ => Kind::Refused,
        };
        Err((ModelError::new(kind, format!("{}: {said}", status.as_u16())), wait))
    }
}

#[async_trait]
impl ChatModel for Endpoint {
    fn name(&self) -> &str {
        &self.model
    }

    async fn answer(&self, request: &ChatRequest) -> Result<Answer, ModelError> {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));
        let (mut usage, mut attempt) = (true, 1);
        loop {
            let (error, wait) = match self.attempt(&self.body(request, usage)).await {
                Ok(response) => {
                    metrics::counter!(m::MODEL_REQUESTS, "outcome" => "answered").increment(1);
                    return reply::read(response, self.stall).await;
                }
                Err(failed) => failed,
            };
            metrics::counter!(m::MODEL_REQUESTS, "outcome" => error.kind.code()).increment(1);
            // Some do not know this member, and say so.
            if usage && error.kind == Kind::Refused && error.message.contains("stream_options") {
                usage = false;
                continue;
            }
            if !error.kind.is_retryable() || attempt >= self.attempts {
                return Err(error);
            }
            let wait = wait.unwrap_or_else(|| backoff.next());
            tracing::debug!(model = self.model, attempt, "the model is asked again in {wait:?}: {error}");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }
}

impl fmt::Debug for Endpoint {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Endpoint").field("host", &host).field("model", &self.model).finish_non_exhaustive()
    }
}

/// An error with every cause behind it.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
