//! Records of runs: read from what the server knows of a run's subjects, and from what is written of what is gone.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, future::try_join3, stream};
use headwater_events::{Class, Mark, Position, StreamName, Tenant, lane_of};
use headwater_store::{Error, RunRecord, RunState};
use serde_json::json;

use crate::{
    api::{Get, StreamInfo},
    codec::{class, direct_seq, direct_subject, read_header},
    link::Link,
    marks::Past,
};

/// So many records are put together at once.
const TOGETHER: usize = 16;

/// How many events of a run are kept.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    durable: u64,
    transient: u64,
    internal: u64,
}

impl Kept {
    fn add(&mut self, subject: &str, count: u64) {
        match class(subject) {
            Some(Class::Durable) => self.durable += count,
            Some(Class::Transient) => self.transient += count,
            Some(Class::Internal) => self.internal += count,
            None => {}
        }
    }

    const fn any(self) -> bool {
        self.durable + self.transient + self.internal > 0
    }
}

/// One event of a run, as far as its record needs it.
#[derive(Debug, Clone, Copy)]
struct Known {
    position: u64,
    at: i64,
    mark: Mark,
}

impl Link {
    /// The record of a run.
    pub(crate) async fn run(&self, tenant: &Tenant, name: &StreamName) -> Result<Option<RunRecord>, Error> {
        let lane = lane_of(tenant.as_str(), name.as_str(), self.identity.borrow().lanes);
        let mut kept = Kept::default();
        for (subject, count) in self.subjects(&self.names.stream(tenant, lane, name)).await? {
            kept.add(&subject, count);
        }
        self.record(tenant, name, kept).await
    }

    /// Runs of a tenant in the order of their names.
    pub(crate) async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let mut names: BTreeMap<StreamName, Kept> = BTreeMap::new();
        for (subject, count) in self.subjects(&self.names.tenant(tenant)).await? {
            if let Some(home) = self.names.home(&subject)
                && after.is_none_or(|after| home.stream > *after)
            {
                names.entry(home.stream).or_default().add(&subject, count);
            }
        }
        let names: Vec<_> = names.into_iter().collect();
        // A run that goes while they are listed leaves room for the next.
        let found = stream::iter(names)
            .map(
                |(name, kept)| async move { Ok::<_, Error>((self.record(tenant, &name, kept).await?, name)) },
            )
            .buffered(TOGETHER)
            .try_filter_map(|(record, name)| async move { Ok(record.map(|record| (name, record))) })
            .take(limit);
        found.try_collect().await
    }

    /// The subjects under a filter, and how many events each holds.
    pub(crate) async fn subjects(&self, filter: &str) -> Result<HashMap<String, u64>, Error> {
        self.subjects_of(&self.names.events, filter).await
    }

    /// The same of any stream, by its leader.
    pub(crate) async fn subjects_of(
        &self,
        stream: &str,
        filter: &str,
    ) -> Result<HashMap<String, u64>, Error> {
        let mut all = HashMap::new();
        loop {
            let question = json!({ "subjects_filter": filter, "offset": all.len() });
            let operation = format!("STREAM.INFO.{stream}");
            let info = match self.call::<StreamInfo>(&operation, &question).await? {
                Ok(info) => info,
                Err(refusal) if refusal.err_code == crate::api::code::STREAM_NOT_FOUND => {
                    self.verify().await?;
                    return Ok(HashMap::new());
                }
                Err(refusal) => return Err(self.unavailable(refusal)),
            };
            let before = all.len();
            all.extend(info.state.subjects.unwrap_or_default());
            if all.len() == before || all.len() >= info.total {
                return Ok(all);
            }
        }
    }

    async fn record(
        &self,
        tenant: &Tenant,
        name: &StreamName,
        kept: Kept,
    ) -> Result<Option<RunRecord>, Error> {
        if !kept.any() {
            let past = self.past(tenant, name).await?;
            return Ok(put_together(&past, kept, None, &[]));
        }
        let lane = lane_of(tenant.as_str(), name.as_str(), self.identity.borrow().lanes);
        let filter = self.names.stream(tenant, lane, name);
        let marked = self.names.marked_of(tenant, lane, name);
        let (marked, last, first) =
            try_join3(self.last(&marked), self.last(&filter), self.first(&filter, 1)).await?;
        // What is gone is asked for last, as in a page.
        let past = self.past(tenant, name).await?;
        let gone = past.gone_to();
        let first = match first {
            Some(first) if first.position <= gone => self.first(&filter, gone + 1).await?,
            first => first,
        };
        let lasts = [marked, last];
        let lasts: Vec<_> =
            lasts.iter().flatten().filter_map(known).filter(|last| last.position > gone).collect();
        Ok(put_together(&past, kept, first, &lasts))
    }

    /// Place and time of the first event that is kept of a run.
    pub(crate) async fn first_of(
        &self,
        tenant: &Tenant,
        name: &StreamName,
    ) -> Result<Option<(u64, i64)>, Error> {
        let lane = lane_of(tenant.as_str(), name.as_str(), self.identity.borrow().lanes);
        let gone = self.past(tenant, name).await?.gone_to();
        let first = self.first(&self.names.stream(tenant, lane, name), gone + 1).await?;
        Ok(first.map(|first| (first.position, first.at)))
    }

    async fn first(&self, filter: &str, from: u64) -> Result<Option<Known>, Error> {
        let mut from = from;
        loop {
            let get = Get { seq: Some(from), next_by_subj: Some(filter.to_owned()), ..Get::default() };
            let Some(message) = self.get(&get).await? else { return Ok(None) };
            if let Some(known) = known(&message) {
                return Ok(Some(known));
            }
            // Somebody else's.
            match direct_seq(&message) {
                Some(seq) => from = seq + 1,
                None => return Ok(None),
            }
        }
    }
}

fn known(message: &async_nats::Message) -> Option<Known> {
    class(direct_subject(message)?)?;
    let (mark, at) = read_header(message.headers.as_ref())?;
    Some(Known { position: direct_seq(message)?, at, mark })
}

/// A record of what is kept and what is gone; `lasts` are the last event and the last one with a mark.
fn put_together(past: &Past, kept: Kept, first: Option<Known>, lasts: &[Known]) -> Option<RunRecord> {
    let (first, first_at) = past.first.or(first.map(|first| (first.position, first.at)))?;
    let last = lasts.iter().max_by_key(|last| last.position).map(|last| (last.position, last.at));
    let (last, last_at) = last.max(past.last)?;
    let marked = lasts.iter().filter(|last| last.mark != Mark::None).max_by_key(|last| last.position);
    let marked = marked.map(|last| (last.position, last.at, last.mark));
    let marked = match (marked, past.last_mark()) {
        (Some(kept), Some(gone)) if gone.0 > kept.0 => Some(gone),
        (kept, gone) => kept.or(gone),
    };
    let state = match marked.map(|(_, _, mark)| mark) {
        None | Some(Mark::None | Mark::Opens) => RunState::Open,
        Some(Mark::Completed) => RunState::Completed,
        Some(Mark::Failed) => RunState::Failed,
        Some(Mark::Cancelled) => RunState::Cancelled,
    };
    let ended = marked.filter(|(_, _, mark)| mark.ends());
    Some(RunRecord {
        state,
        first: Position(first),
        last: Position(last),
        ended: ended.map(|(position, ..)| Position(position)),
        trimmed: Position(past.trimmed),
        removed: Position(past.removed),
        durable: past.durable + kept.durable,
        transient: past.transient + kept.transient,
        first_at,
        last_at,
        ended_at: ended.map(|(_, at, _)| at),
    })
}
