//! Deleting a stream.

use std::time::Duration;

use bytes::Bytes;
use headwater_events::{StreamName, Tenant, lane_of};
use headwater_store::Error;
use serde_json::json;

use crate::{
    api::{Get, Purge, Purged, code},
    codec::direct_seq,
    link::Link,
    marks::{Gone, Left, Past},
};

/// How often, and how many times, it is asked whether the servers of a cluster are level.
const SPREAD_PAUSE: Duration = Duration::from_millis(20);
const SPREAD_TRIES: usize = 100;

impl Link {
    /// Where other processes hear of deletions.
    pub(crate) fn notices(&self) -> String {
        // Not below the namespace's own subjects, which are stored.
        format!("_{}.deleted", self.names.events)
    }

    /// Deletes a stream up to its last event; gives where that stood.
    ///
    /// What is written first makes it gone for every reader, whatever happens then; whoever appends meanwhile stands
    /// behind and begins the next life.
    pub(crate) async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<u64>, Error> {
        let lane = lane_of(tenant.as_str(), stream.as_str(), self.identity.borrow().lanes);
        let filter = self.names.stream(tenant, lane, stream);
        let last = Get { last_by_subj: Some(filter.clone()), ..Get::default() };
        let kept = self.get(&last).await?.as_ref().and_then(direct_seq);
        let past = self.past(tenant, stream).await?;
        let to = match kept.or(past.last.map(|(last, _)| last)) {
            Some(to) if to > past.gone_to() => to,
            // An earlier call was cut off before it had purged.
            Some(to) if kept.is_some() => {
                self.purge(filter, to).await?;
                self.set_deleted().await?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        self.change_past(tenant, stream, Left::Nothing, |past| {
            if past.gone_to() >= to {
                return false;
            }
            *past = Past { gone: Some(Gone { to, retention: false }), ..Past::default() };
            true
        })
        .await?;
        self.purge(filter, to).await?;
        // What others have read ahead of it by now is not shown from here on.
        self.set_deleted().await?;
        let notice = json!({ "tenant": tenant, "stream": stream, "to": to, "by": self.id }).to_string();
        // Those who are connected hear it; others read it.
        let _ = self.client.publish(self.notices(), Bytes::from(notice)).await;
        Ok(Some(to))
    }

    /// Removes what stands under a filter up to a place; gives how much that was.
    pub(crate) async fn purge(&self, filter: String, to: u64) -> Result<u64, Error> {
        let purge = Purge { filter, seq: to.saturating_add(1) };
        match self.call::<Purged>(&format!("STREAM.PURGE.{}", self.names.events), &purge).await? {
            Ok(purged) => {
                if purged.purged > 0 && self.is_replicated() {
                    self.spread().await?;
                }
                Ok(purged.purged)
            }
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => Ok(0),
            Err(refusal) => Err(self.unavailable(refusal)),
        }
    }

    /// Waits until all servers that keep up have done what their leader has: any of them is read from.
    async fn spread(&self) -> Result<(), Error> {
        for _ in 0..SPREAD_TRIES {
            let Some(info) = self.info().await? else { return Ok(()) };
            let replicas = info.cluster.unwrap_or_default().replicas;
            if replicas.iter().all(|replica| replica.offline || (replica.current && replica.lag == 0)) {
                break;
            }
            tokio::time::sleep(SPREAD_PAUSE).await;
        }
        // What arrived there is being applied.
        tokio::time::sleep(SPREAD_PAUSE).await;
        Ok(())
    }
}
