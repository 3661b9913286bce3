//! Several events, one after the other, for servers without atomic batches.

use headwater_store::{Appended, Error};

use super::{Failure, Publisher, Stored, appended, item::Item};
use crate::metric_definitions;

/// So many are on their way at once.
const WINDOW: usize = 256;

impl Publisher {
    /// Stores the items in their order. What was acknowledged before a failure is reported.
    pub(super) async fn window(&self, items: &mut [Item]) -> Result<Vec<Appended>, Error> {
        let _room = self.batches.acquire().await.map_err(|_| Error::Closed)?;
        let mut answers: Vec<Option<Appended>> = vec![None; items.len()];
        let mut from = 0;
        while from < items.len() {
            let to = (from + WINDOW).min(items.len());
            let sent = self.send_window(&mut items[from..to], &mut answers[from..to]).await;
            if let Err(error) = sent {
                if answers.iter().all(Option::is_none) {
                    return Err(error);
                }
                return Err(Error::Partial { stored: answers, reason: error.to_string() });
            }
            from = to;
        }
        Ok(answers.into_iter().flatten().collect())
    }

    async fn send_window(&self, items: &mut [Item], answers: &mut [Option<Appended>]) -> Result<(), Error> {
        let deadline = self.deadline();
        let mut lost = None;
        for attempt in 0.. {
            let rest: Vec<_> = (0..items.len()).filter(|i| answers[*i].is_none()).collect();
            if rest.is_empty() {
                return Ok(());
            }
            let wire = match self.wire(deadline).await {
                Ok(wire) => wire,
                Err(error) => return Err(lost.map_or(error, |why: String| self.unknown(why))),
            };
            let sent = wire.ask_all(&rest.iter().map(|i| &items[*i]).collect::<Vec<_>>(), deadline).await;
            let mut failure = None;
            // An event that comes behind one that must be sent again stands before it.
            let (mut again, mut order_lost) = (false, false);
            for (i, sent) in rest.iter().copied().zip(sent) {
                let item = &mut items[i];
                match sent {
                    Ok(ack) => {
                        order_lost |=
                            !ack.duplicate && (again || matches!(failure, Some(Failure::Refused(_))));
                        answers[i] = if ack.duplicate {
                            let mut found = self.found(item, ack.seq).await?;
                            if let Some(found) = found.as_mut().filter(|_| lost.is_some()) {
                                // It was this call that stored it, and its answer was lost.
                                found.duplicate = found.stored_at.as_millisecond() != item.stored_at;
                            }
                            again |= found.is_none();
                            found
                        } else {
                            Some(appended(Stored { seq: ack.seq, duplicate: false }, item.stored_at))
                        };
                    }
                    Err(other) => {
                        failure.get_or_insert(other);
                    }
                }
            }
            if order_lost {
                return Err(Error::Unknown {
                    reason: "order_lost: the server did not take an event and stored what followed it"
                        .to_owned(),
                });
            }
            if let Some(failure) = failure {
                if matches!(failure, Failure::Lost(_)) {
                    metrics::counter!(metric_definitions::RESENT).increment(1);
                }
                self.after(failure, &mut lost, attempt, deadline).await?;
            }
        }
        Ok(())
    }
}
