//! How a client talks to its Headwater.

use std::time::Duration;

use headwater_events::Tenant;

/// What a client needs beside the address. The defaults fit a server nearby.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The tenant of events that name none. Default: `default`.
    pub tenant: Tenant,
    /// The bearer token, where the server asks for one. Default: none.
    pub token: Option<String>,
    /// How long connecting may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long an answer may take, the first block of a subscription included. Default: 30 s.
    pub request_timeout: Duration,
    /// How long a subscription may stay silent before it reconnects: the server sends something every 15 s.
    /// Default: 45 s.
    pub idle_timeout: Duration,
    /// How often a call is tried while the server is away or overloaded, at least once. Trying a publish again is
    /// safe: the ids are the same. An open subscription reconnects until it is dropped. Default: 5.
    pub attempts: u32,
    /// The shortest wait between tries; a server's `retry:` takes its place. Default: 100 ms.
    pub backoff_min: Duration,
    /// The longest wait between tries. Default: 10 s.
    pub backoff_max: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            tenant: Tenant::default(),
            token: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(45),
            attempts: 5,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
        }
    }
}

impl HttpOptions {
    /// Sets the tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// Sets the bearer token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets how long connecting may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an answer may take.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets how long a subscription may stay silent.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how often a call is tried.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the shortest and the longest wait between tries.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.backoff_min, self.backoff_max) = (min, max.max(min));
        self
    }
}

impl std::fmt::Debug for HttpOptions {
    // The token is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOptions").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
