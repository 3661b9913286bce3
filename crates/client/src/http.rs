//! Requests: address, headers, retries, and what they say of the server.

use std::sync::Arc;

use bytes::Bytes;
use headwater_broker::{Error, Status, StatusKind};
use headwater_events::Tenant;
use headwater_store::{Backoff, Error as StoreError};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{HttpOptions, problem, tls};

/// One server and how to reach it.
#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: Url,
    /// The base for people: without user and password.
    shown: Url,
    authorization: Option<HeaderValue>,
    pub(crate) options: HttpOptions,
    status: watch::Sender<Status>,
    pub(crate) closed: CancellationToken,
}

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) tenant: Tenant,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<(&'static str, Bytes)>,
}

impl Http {
    pub(crate) fn new(url: &str, options: HttpOptions) -> Result<Arc<Self>, StoreError> {
        // What cannot be read is not repeated: there may be a password in it.
        let base = Url::parse(url)
            .map_err(|e| StoreError::config(format!("the URL of the server is no address: {e}")))?;
        let shown = without_credentials(base.clone());
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(StoreError::config(format!("`{shown}` must begin with http:// or https://")));
        }
        let authorization = options.token.as_deref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| StoreError::config("the token has characters that a header cannot carry"))?;
            value.set_sensitive(true);
            Ok::<_, StoreError>(value)
        });
        let builder = reqwest::Client::builder()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout);
        let client = tls::configure(builder, base.scheme())?
            .build()
            .map_err(|e| StoreError::config(format!("the HTTP client cannot start: {}", chain(&e))))?;
        let status = Status { kind: StatusKind::Ready, detail: format!("{shown} has not been called yet") };
        Ok(Arc::new(Self {
            client,
            base,
            shown,
            authorization: authorization.transpose()?,
            options,
            status: watch::Sender::new(status),
            closed: CancellationToken::new(),
        }))
    }

    /// The address of a path under the base.
    pub(crate) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.set_query(None);
        url
    }

    pub(crate) fn get(&self, path: &[&str], tenant: &Tenant) -> Call {
        let (url, tenant) = (self.url(path), tenant.clone());
        Call { method: Method::GET, url, tenant, accept: "application/json", body: None }
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Sends until there is an answer that trying again would not change, and gives its body: only success and 404
    /// are no errors, and 404 only where nothing says otherwise.
    pub(crate) async fn send(&self, call: &Call) -> Result<(StatusCode, Bytes), Error> {
        let mut backoff = Backoff::new(self.options.backoff_min, self.options.backoff_max);
        let mut left = self.options.attempts.max(1);
        loop {
            left -= 1;
            let error = match self.answer(call).await {
                Ok((status, body)) if status.is_success() || status == StatusCode::NOT_FOUND => {
                    return Ok((status, body));
                }
                Ok((status, body)) => {
                    let error = problem::parse(status, &body);
                    if !is_passing(status) {
                        return Err(error);
                    }
                    error
                }
                Err(error) => error,
            };
            if left == 0 || matches!(error, Error::Store(StoreError::Closed)) {
                return Err(error);
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    async fn answer(&self, call: &Call) -> Result<(StatusCode, Bytes), Error> {
        let response = self.send_once(call).await?;
        let status = response.status();
        let body = tokio::time::timeout(self.options.request_timeout, response.bytes());
        match body.await {
            Ok(Ok(body)) => Ok((status, body)),
            Ok(Err(e)) => Err(StoreError::Unknown { reason: self.unreachable(&e) }.into()),
            Err(_) => Err(self.too_slow().into()),
        }
    }

    /// Sends once. An error means that there is no answer.
    pub(crate) async fn send_once(&self, call: &Call) -> Result<Response, Error> {
        let request = self.request(call);
        let sent = tokio::select! {
            biased;
            () = self.closed.cancelled() => return Err(StoreError::Closed.into()),
            sent = tokio::time::timeout(self.options.request_timeout, request.send()) => sent,
        };
        let outcome = match sent {
            Ok(Ok(response)) => Ok(response),
            // A connection that was never made carried nothing: anything later leaves the outcome open.
            Ok(Err(e)) if e.is_connect() => Err(StoreError::unavailable(self.unreachable(&e))),
            Ok(Err(e)) => Err(StoreError::Unknown { reason: self.unreachable(&e) }),
            Err(_) => Err(self.too_slow()),
        };
        match &outcome {
            Ok(response) => self.heard(response.status()),
            Err(error) => self.set_status(StatusKind::Away, error),
        }
        outcome.map_err(Error::from)
    }

    fn request(&self, call: &Call) -> RequestBuilder {
        let mut request = self
            .client
            .request(call.method.clone(), call.url.clone())
            .header(ACCEPT, call.accept)
            .header("headwater-tenant", call.tenant.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        request
    }

    /// Takes note of an answer.
    fn heard(&self, status: StatusCode) {
        match status {
            StatusCode::INSUFFICIENT_STORAGE => {
                self.set_status(StatusKind::ReadOnly, "the server has no space left");
            }
            status if is_passing(status) => {
                self.set_status(StatusKind::Away, format_args!("the server answers {status}"));
            }
            _ => self.set_status(StatusKind::Ready, format_args!("{} answers", self.shown)),
        }
    }

    /// Takes note of how the server is; what is closed stays closed.
    pub(crate) fn set_status(&self, kind: StatusKind, detail: impl std::fmt::Display) {
        self.status.send_if_modified(|status| {
            let changed = status.kind != kind && status.kind != StatusKind::Closed;
            if changed {
                *status = Status { kind, detail: detail.to_string() };
            }
            changed
        });
    }

    pub(crate) fn close(&self) {
        self.set_status(StatusKind::Closed, "closed by its owner");
        self.closed.cancel();
    }

    fn too_slow(&self) -> StoreError {
        let within = self.options.request_timeout;
        StoreError::Unknown { reason: format!("{} did not answer within {within:?}", self.shown) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        format!("{} cannot be reached: {}", self.shown, chain(error))
    }
}

fn without_credentials(mut url: Url) -> Url {
    // Only a URL without a host refuses, and that has neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Whether the server may answer otherwise later. 500 is no such answer: it would come again.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The innermost cause: what the layers above it say is known.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
