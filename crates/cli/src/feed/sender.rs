//! Batches on their way to a broker: what is wrong is taken out and named, the rest goes on.

use std::{sync::Arc, time::Duration};

use headwater::{Error, Event, EventBroker, Published};

use super::{Batch, Fate, Outcome};

/// The pause before the first retry, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Sends batches.
pub(crate) struct Sender {
    broker: Arc<dyn EventBroker>,
    /// How long a batch is tried again while the server is away.
    patience: Duration,
}

/// What came of a batch.
#[derive(Debug)]
pub(crate) struct Sent {
    /// What became of each line, in order.
    pub(crate) outcomes: Vec<Outcome>,
    /// Why nothing more can be sent.
    failed: Option<Error>,
}

impl Sent {
    /// Whether more can be sent.
    ///
    /// # Errors
    /// The server stayed away, or refuses everything alike.
    pub(crate) fn go_on(self) -> anyhow::Result<()> {
        let Some(error) = self.failed else { return Ok(()) };
        let open = self.outcomes.iter().find(|outcome| matches!(outcome.fate, Fate::Unknown { .. }));
        let line = open.map_or(0, |outcome| outcome.line);
        Err(anyhow::Error::new(error)
            .context(format!("gave up at line {line}, nothing after its batch was sent")))
    }
}

impl Sender {
    /// A sender that gives up after the server was away for `patience`.
    pub(crate) fn new(broker: Arc<dyn EventBroker>, patience: Duration) -> Self {
        Self { broker, patience }
    }

    /// Publishes a batch and gives what became of each line, in order.
    pub(crate) async fn send(&self, batch: &Batch) -> Sent {
        let events: Vec<Event> = batch.events.iter().map(|(_, event)| event.clone()).collect();
        let mut fates: Vec<Option<Fate>> = events.iter().map(|_| None).collect();
        let failed = self.fates(&events, &mut fates).await.err();
        let unknown =
            |error: &Error| Fate::Unknown { code: error.code().to_owned(), detail: error.to_string() };
        let sent = batch.events.iter().zip(fates).filter_map(|((line, event), fate)| {
            let fate = fate.or_else(|| failed.as_ref().map(unknown))?;
            Some(Outcome { line: *line, id: Some(event.id().to_owned()), fate })
        });
        let mut outcomes: Vec<Outcome> = sent.chain(batch.broken.iter().cloned()).collect();
        outcomes.sort_by_key(|outcome| outcome.line);
        Sent { outcomes, failed }
    }

    /// Fills in what becomes of each event.
    ///
    /// # Errors
    /// The server stayed away, or refuses everything alike (a wrong token): what is empty then is not known.
    async fn fates(&self, events: &[Event], fates: &mut [Option<Fate>]) -> Result<(), Error> {
        // Parts that are still to be sent, the first one last. A part that is refused without naming an event is
        // halved until it is one event.
        let mut parts = by_tenant(events);
        parts.reverse();
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let batch: Vec<Event> = part.iter().map(|&at| events[at].clone()).collect();
            match self.publish(&batch).await {
                Ok(published) => {
                    for (&at, published) in part.iter().zip(published) {
                        fates[at] = Some(Fate::Stored(published));
                    }
                }
                Err(Error::InvalidEvent { index, error }) if index < part.len() => {
                    let mut rest = part;
                    let at = rest.remove(index);
                    fates[at] = Some(Fate::from(&error));
                    parts.push(rest);
                }
                // Neither says anything about an event.
                Err(error) if is_about_the_caller(&error) || error.is_retryable() => return Err(error),
                Err(error) if part.len() == 1 => {
                    fates[part[0]] =
                        Some(Fate::Refused { code: error.code().to_owned(), detail: error.to_string() });
                }
                Err(_) => {
                    let (head, tail) = part.split_at(part.len() / 2);
                    parts.push(tail.to_vec());
                    parts.push(head.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Publishes; while the server is away it tries again, which the ids make safe.
    async fn publish(&self, batch: &[Event]) -> Result<Vec<Published>, Error> {
        let give_up = tokio::time::Instant::now() + self.patience;
        let mut pause = BACKOFF.0;
        loop {
            match self.broker.publish(batch).await {
                Err(error) if error.is_retryable() && tokio::time::Instant::now() + pause < give_up => {
                    tracing::warn!(%error, "cannot publish: trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
                other => return other,
            }
        }
    }
}

/// The events of each tenant, in order: a call over HTTP speaks for one tenant.
fn by_tenant(events: &[Event]) -> Vec<Vec<usize>> {
    let mut parts: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match parts.iter_mut().find(|(tenant, _)| *tenant == event.tenant()) {
            Some((_, part)) => part.push(at),
            None => parts.push((event.tenant(), vec![at])),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// Whether the same would be said of every event.
fn is_about_the_caller(error: &Error) -> bool {
    match error {
        Error::Remote { status, code, .. } => {
            matches!(status, 401 | 404 | 405 | 415) || (*status == 403 && code != "foreign-tenant")
        }
        _ => false,
    }
}
