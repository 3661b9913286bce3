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

impl Sender {
    /// A sender that gives up after the server was away for `patience`.
    pub(crate) fn new(broker: Arc<dyn EventBroker>, patience: Duration) -> Self {
        Self { broker, patience }
    }

    /// Publishes a batch and gives what became of each line, in order.
    ///
    /// # Errors
    /// The server stayed away, or refuses everything alike (a wrong token).
    pub(crate) async fn send(&self, batch: &Batch) -> Result<Vec<Outcome>, Error> {
        let events: Vec<Event> = batch.events.iter().map(|(_, event)| event.clone()).collect();
        let fates = self.fates(&events).await?;
        let sent = batch.events.iter().zip(fates);
        let sent =
            sent.map(|((line, event), fate)| Outcome { line: *line, id: Some(event.id().to_owned()), fate });
        let broken = batch.broken.iter().map(|(line, error)| {
            let fate = Fate::Refused { code: error.code().to_string(), detail: error.to_string() };
            Outcome { line: *line, id: None, fate }
        });
        let mut all: Vec<Outcome> = sent.chain(broken).collect();
        all.sort_by_key(|outcome| outcome.line);
        Ok(all)
    }

    async fn fates(&self, events: &[Event]) -> Result<Vec<Fate>, Error> {
        let mut fates: Vec<Option<Fate>> = events.iter().map(|_| None).collect();
        // Parts that are still to be sent, the first one last. A part that is refused without naming an event is
        // halved until it is one event.
        let mut parts = vec![(0..events.len()).collect::<Vec<usize>>()];
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
                    fates[at] =
                        Some(Fate::Refused { code: error.code().to_string(), detail: error.to_string() });
                    parts.push(rest);
                }
                Err(error) if is_about_the_caller(&error) => return Err(error),
                Err(error) if part.len() == 1 => {
                    fates[part[0]] =
                        Some(Fate::Refused { code: error.code().to_owned(), detail: error.to_string() });
                }
                Err(error) if error.is_retryable() => return Err(error),
                Err(_) => {
                    let (head, tail) = part.split_at(part.len() / 2);
                    parts.push(tail.to_vec());
                    parts.push(head.to_vec());
                }
            }
        }
        Ok(fates.into_iter().flatten().collect())
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

/// Whether the same would be said of every event.
fn is_about_the_caller(error: &Error) -> bool {
    match error {
        Error::Remote { status, code, .. } => {
            matches!(status, 401 | 404 | 405 | 415) || (*status == 403 && code != "tenant-mismatch")
        }
        _ => false,
    }
}
