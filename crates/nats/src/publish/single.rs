//! One event.

use headwater_store::{Appended, Error};
use tokio::time::Instant;

use super::{Failure, Publisher, Stored, appended, item::Item};
use crate::{api::code, backoff, metric_definitions};

impl Publisher {
    pub(super) async fn single(&self, item: &mut Item) -> Result<Appended, Error> {
        let _room = self.singles.acquire().await.map_err(|_| Error::Closed)?;
        let deadline = self.deadline();
        let mut lost = None;
        for attempt in 0.. {
            let wire = match self.wire(deadline).await {
                Ok(wire) => wire,
                Err(error) => return Err(lost.map_or(error, |why: String| self.unknown(why))),
            };
            match wire.ask(&item.subject, item.headers(), item.payload.clone(), deadline).await {
                Ok(ack) if !ack.duplicate => {
                    return Ok(appended(Stored { seq: ack.seq, duplicate: false }, item.stored_at));
                }
                Ok(ack) => {
                    if let Some(mut found) = self.found(item, ack.seq).await? {
                        // It was this call that stored it, and its answer was lost.
                        found.duplicate &=
                            lost.is_none() || found.stored_at.as_millisecond() != item.stored_at;
                        return Ok(found);
                    }
                }
                Err(failure) => {
                    if matches!(failure, Failure::Lost(_)) {
                        metrics::counter!(metric_definitions::RESENT).increment(1);
                    }
                    self.after(failure, &mut lost, attempt, deadline).await?;
                }
            }
        }
        Err(self.unknown("no answer"))
    }

    /// Waits before the next attempt, or gives up. `lost` is why an earlier attempt may have stored something.
    pub(super) async fn after(
        &self,
        failure: Failure,
        lost: &mut Option<String>,
        attempt: usize,
        deadline: Instant,
    ) -> Result<(), Error> {
        let last = Instant::now() + backoff::pause(attempt) >= deadline;
        let given_up = |lost: &Option<String>, error: Error| match lost {
            Some(why) => self.unknown(why),
            None => error,
        };
        match failure {
            Failure::Lost(why) => {
                *lost = Some(why);
                if last {
                    return Err(given_up(lost, Error::Closed));
                }
            }
            Failure::Refused(refusal) if refusal.code == 403 => {
                return Err(self.link.forbidden(&refusal.description));
            }
            Failure::Refused(refusal) => {
                let momentary = refusal.code == 503
                    || matches!(
                        refusal.err_code,
                        code::DUPLICATE_UNDECIDED
                            | code::BATCH_TOO_MANY
                            | code::BATCH_INCOMPLETE
                            | code::BATCH_DUPLICATE
                    );
                if !momentary || last {
                    return Err(given_up(lost, self.refused(&refusal)));
                }
                if refusal.code == 503 {
                    // The log may be gone.
                    self.link.verify().await?;
                }
            }
        }
        tokio::time::sleep(backoff::pause(attempt)).await;
        Ok(())
    }
}
