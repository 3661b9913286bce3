//! Up to where a kind of events goes.

use std::{collections::VecDeque, time::Duration};

use headwater_store::{Error, Limits};
use serde_json::json;

use super::Kind;
use crate::{codec::direct_seq, link::Link, read::Scan};

/// So many messages are looked at together.
const CHUNK: usize = 1000;

impl Link {
    /// The last position of a kind that exceeds one of its limits.
    pub(super) async fn cut(&self, kind: Kind, limits: Limits) -> Result<Option<u64>, Error> {
        let by_age = match limits.max_age {
            Some(age) => self.older_than(age).await?,
            None => 0,
        };
        let by_number = match (limits.max_events, limits.max_bytes) {
            (None, None) => 0,
            (Some(events), None) => self.over_count(kind, events).await?,
            (events, Some(bytes)) => self.over_bytes(kind, events.unwrap_or(u64::MAX), bytes).await?,
        };
        let cut = by_age.max(by_number);
        Ok((cut > 0).then_some(cut))
    }

    /// The last position that is older than that, by the server's clock.
    pub(super) async fn older_than(&self, age: Duration) -> Result<u64, Error> {
        let Some(info) = self.info().await? else { return Ok(0) };
        if info.state.messages == 0 {
            return Ok(0);
        }
        let now = info.ts.unwrap_or_else(|| self.clock.now());
        let Ok(since) = now.checked_sub(age) else { return Ok(0) };
        let question = json!({ "start_time": since.to_string(), "batch": 1 });
        let (young, _) = self.get_many(&question).await?;
        Ok(match young.first().and_then(direct_seq) {
            Some(first) => first - 1,
            // None is young, if that was not said by a server that does not have the last ones yet.
            None if info.state.last_ts.is_some_and(|last| last < since) => info.state.last_seq,
            None => 0,
        })
    }

    /// The last position of a kind that is one too many.
    async fn over_count(&self, kind: Kind, max: u64) -> Result<u64, Error> {
        let mut scan = Scan::new(self, kind.filters(self), 1, true).await?;
        let mut excess = scan.pending().saturating_sub(max);
        let mut cut = 0;
        while excess > 0 {
            let limit = usize::try_from(excess).unwrap_or(CHUNK).min(CHUNK);
            let Some(chunk) = scan.next(self, limit, usize::MAX).await? else { break };
            excess -= (chunk.len() as u64).min(excess);
            cut = chunk.last().map_or(cut, |(place, _)| place.seq);
        }
        scan.end(self).await;
        Ok(cut)
    }

    /// The last position of a kind that is too many or too much.
    async fn over_bytes(&self, kind: Kind, max_events: u64, max_bytes: u64) -> Result<u64, Error> {
        let mut scan = Scan::new(self, kind.filters(self), 1, true).await?;
        let mut kept: VecDeque<(u64, u64)> = VecDeque::new();
        let (mut bytes, mut cut) = (0, 0);
        while let Some(chunk) = scan.next(self, CHUNK, usize::MAX).await? {
            for (place, message) in chunk {
                let size = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Size"));
                let size = size.and_then(|size| size.as_str().parse().ok()).unwrap_or(0);
                kept.push_back((place.seq, size));
                bytes += size;
                while (bytes > max_bytes || kept.len() as u64 > max_events)
                    && let Some((seq, size)) = kept.pop_front()
                {
                    bytes -= size;
                    cut = seq;
                }
            }
        }
        scan.end(self).await;
        Ok(cut)
    }
}
