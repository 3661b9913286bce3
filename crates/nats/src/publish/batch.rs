//! Several events, stored whole or not at all.

use futures_util::future::join_all;
use headwater_store::{Appended, Error};
use tokio::time::Instant;

use super::{Failure, Publisher, Stored, appended, item::Item, wire::Wire};
use crate::{
    api::{PubAck, code},
    metric_definitions,
};

impl Publisher {
    pub(super) async fn batch(&self, items: &mut [Item]) -> Result<Vec<Appended>, Error> {
        let _room = self.batches.acquire().await.map_err(|_| Error::Closed)?;
        let deadline = self.deadline();
        let mut answers: Vec<Option<Appended>> = vec![None; items.len()];
        let mut lost = None;
        for attempt in 0.. {
            let rest: Vec<_> = (0..items.len()).filter(|i| answers[*i].is_none()).collect();
            if rest.is_empty() {
                break;
            }
            let wire = match self.wire(deadline).await {
                Ok(wire) => wire,
                Err(error) => return Err(lost.map_or(error, |why: String| self.unknown(why))),
            };
            match commit(&wire, items, &rest, deadline).await {
                Ok(ack) => {
                    let first = ack.seq + 1 - rest.len() as u64;
                    for (n, i) in rest.into_iter().enumerate() {
                        let stored = Stored { seq: first + n as u64, duplicate: false };
                        answers[i] = Some(appended(stored, items[i].stored_at));
                    }
                }
                Err(Failure::Refused(refusal)) if refusal.err_code == code::BATCH_DUPLICATE => {
                    let probes = rest.iter().map(|i| self.probe(&wire, &items[*i], deadline));
                    let probes = join_all(probes).await;
                    let mut any = false;
                    for (i, probe) in rest.into_iter().zip(probes) {
                        match probe {
                            Ok(None) => {}
                            Ok(Some(seq)) => {
                                any = true;
                                let item = &mut items[i];
                                answers[i] = self.found(item, seq).await?;
                                // It was this call that stored it, and its answer was lost.
                                if let Some(answer) = answers[i].as_mut().filter(|_| lost.is_some()) {
                                    answer.duplicate = answer.stored_at.as_millisecond() != item.stored_at;
                                }
                            }
                            Err(failure) => {
                                self.after(failure, &mut lost, attempt, deadline).await?;
                                any = true;
                            }
                        }
                    }
                    if !any {
                        self.after(Failure::Refused(refusal), &mut lost, attempt, deadline).await?;
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
        Ok(answers.into_iter().flatten().collect())
    }
}

/// Sends the items numbered `rest` as one batch.
async fn commit(wire: &Wire, items: &[Item], rest: &[usize], deadline: Instant) -> Result<PubAck, Failure> {
    if let [only] = rest {
        let item = &items[*only];
        return match wire.ask(&item.subject, item.headers(), item.payload.clone(), deadline).await {
            Ok(ack) if ack.duplicate => Err(Failure::Refused(crate::api::Refusal {
                err_code: code::BATCH_DUPLICATE,
                ..crate::api::Refusal::default()
            })),
            answer => answer,
        };
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    for (n, i) in rest.iter().enumerate() {
        let item = &items[*i];
        let mut headers = item.headers();
        headers.insert("Nats-Batch-Id", id.as_str());
        headers.insert("Nats-Batch-Sequence", (n + 1).to_string());
        if n + 1 < rest.len() {
            wire.send(&item.subject, headers, item.payload.clone()).await?;
        } else {
            headers.insert("Nats-Batch-Commit", "1");
            return wire.ask(&item.subject, headers, item.payload.clone(), deadline).await;
        }
    }
    Err(Failure::Lost("nothing was sent".to_owned()))
}
