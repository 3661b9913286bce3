//! Effects that happen once for each event, as long as it is remembered.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_events::Event;

use crate::{
    Backoff, Context, Failure, Handler, Kind, Layer, Outcome, Random,
    claims::{Claim, ClaimKey, ClaimToken, Claims},
};

/// How often completing is tried: the effect has happened, and should not happen twice for want of a word.
const TRIES: u32 = 5;

/// Calls a handler once for each event that it succeeds with, by claims: an event is claimed before, completed after
/// success, and free again after a failure.
///
/// What remains: a process that dies between the effect and the completing leaves a claim that expires, and then the
/// effect happens again. Where even that is too much, write the event's id in the transaction of the effect.
#[derive(Debug, Clone)]
pub struct Idempotent {
    claims: Arc<dyn Claims>,
    length: Duration,
    keep: Duration,
    random: Random,
}

impl Idempotent {
    /// By these claims: each is held for at most a minute, what is done is remembered for a day.
    #[must_use]
    pub fn new(claims: Arc<dyn Claims>) -> Self {
        let (length, keep) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));
        Self { claims, length, keep, random: Random::new() }
    }

    /// How long a claim is held: longer than a handler takes. Who dies with one delays the event for as long.
    #[must_use]
    pub const fn length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// How long what is done is remembered: longer than an event may come again, by a replay for example.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }
}

impl Layer for Idempotent {
    fn wrap(&self, inner: Arc<dyn Handler>) -> Arc<dyn Handler> {
        Arc::new(Once { inner, by: self.clone() })
    }
}

struct Once {
    inner: Arc<dyn Handler>,
    by: Idempotent,
}

#[async_trait]
impl Handler for Once {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let key = ClaimKey::new(context.group(), event);
        let unreachable = |error: crate::claims::ClaimsError| Failure::new(Kind::NotTried, error.to_string());
        let token = match self.by.claims.claim(&key, self.by.length).await.map_err(unreachable)? {
            Claim::Done => return Ok(()),
            Claim::Held(left) => {
                return Err(Failure {
                    after: Some(left),
                    ..Failure::new(Kind::Claimed, "somebody else has claimed it")
                });
            }
            Claim::Granted(token) => token,
        };
        let mut held = Held { claims: Arc::clone(&self.by.claims), key: Some(key), token };
        self.inner.handle(event, context).await?;
        let Some(key) = held.key.take() else { return Ok(()) };
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut tries = 1;
        loop {
            match self.by.claims.complete(&key, token, self.by.keep).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::warn!(group = %context.group(), id = event.id(),
                        "a claim expired before its handler was done: the effect may have happened twice");
                    return Ok(());
                }
                Err(error) if tries == TRIES => return Err(Failure::retry(error.to_string())),
                Err(_) => tokio::time::sleep(backoff.after(tries, self.by.random.fraction())).await,
            }
            tries += 1;
        }
    }
}

/// A claim whose handler has not succeeded: it failed, panicked or was dropped, and the event is free again.
struct Held {
    claims: Arc<dyn Claims>,
    key: Option<ClaimKey>,
    token: ClaimToken,
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(key), Ok(runtime)) = (self.key.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (claims, token) = (Arc::clone(&self.claims), self.token);
        runtime.spawn(async move {
            if let Err(error) = claims.release(&key, token).await {
                tracing::warn!(group = key.group, %error, "a claim stays until it expires");
            }
        });
    }
}
