//! What goes some time after the end of its run.

use std::time::Duration;

use async_nats::Message;
use headwater_events::{Class, StreamName, Tenant, lane_of};
use headwater_store::Error;
use serde_json::json;

use super::take::Taking;
use crate::{
    api::Get,
    codec::{direct_seq, direct_subject, read_header},
    link::Link,
    marks::{Gone, Left, Past},
    names::Home,
    read::Scan,
};

/// So many ends are looked at together.
const CHUNK: usize = 1000;

/// Runs that ended.
struct Ended {
    runs: Vec<Home>,
    /// All ends up to here were looked at.
    upto: u64,
}

impl Link {
    /// Takes the deltas of runs that have been over for that long.
    pub(super) async fn take_deltas_of_ended(&self, after: Duration) -> Result<(), Error> {
        let upto = self.older_than(after).await?;
        while let Some(ended) = self.ended("deltas", upto).await? {
            for home in &ended.runs {
                let filter = self.names.class_of(&home.tenant, home.lane, Class::Transient, &home.stream);
                if let Some(last) = self.last(&filter).await?.as_ref().and_then(direct_seq) {
                    let filters = [filter];
                    self.take_under(&filters, &filters, last).await?;
                }
            }
            self.set_looked_through("deltas", ended.upto).await?;
        }
        Ok(())
    }

    /// Takes whole runs that have been over for that long.
    pub(super) async fn take_ended(&self, after: Duration) -> Result<(), Error> {
        let upto = self.older_than(after).await?;
        while let Some(ended) = self.ended("runs", upto).await? {
            for home in &ended.runs {
                self.take_run(home).await?;
            }
            self.set_looked_through("runs", ended.upto).await?;
        }
        Ok(())
    }

    async fn take_run(&self, home: &Home) -> Result<(), Error> {
        let filter = self.names.stream(&home.tenant, home.lane, &home.stream);
        let Some(to) = self.last(&filter).await?.as_ref().and_then(direct_seq) else { return Ok(()) };
        let mut taking = Taking::default();
        let durable = self.names.class_of(&home.tenant, home.lane, Class::Durable, &home.stream);
        if let Some(last) = self.last(&durable).await?
            && let (Some(seq), Some((mark, at))) = (direct_seq(&last), read_header(last.headers.as_ref()))
        {
            taking.add(Home { class: Class::Durable, ..home.clone() }, seq, mark, at);
        }
        let mut marks = taking.marks();
        marks.push((None, None, to));
        self.set_removed(marks).await?;
        self.change_past(&home.tenant, &home.stream, Left::Nothing, |past| {
            if past.gone_to() >= to {
                return false;
            }
            *past = Past { gone: Some(Gone { to, retention: true }), ..Past::default() };
            true
        })
        .await?;
        self.purge(filter, to).await.map(drop)
    }

    /// The last event under a filter.
    pub(super) async fn last(&self, filter: &str) -> Result<Option<Message>, Error> {
        self.get(&Get { last_by_subj: Some(filter.to_owned()), ..Get::default() }).await
    }

    /// The next runs that ended at or before `upto` and did not go on since: each end is found once. `None`: all were.
    async fn ended(&self, rule: &str, upto: u64) -> Result<Option<Ended>, Error> {
        let done = self.looked_through(rule).await?;
        if upto <= done {
            return Ok(None);
        }
        let mut ended = Ended { runs: Vec::new(), upto };
        let mut scan = Scan::new(self, vec![self.names.marked()], done + 1, true).await?;
        let chunk = scan.next(self, CHUNK, usize::MAX).await?.unwrap_or_default();
        if scan.pending() > 0 {
            ended.upto = chunk.last().map_or(upto, |(place, _)| place.seq.min(upto));
        }
        scan.end(self).await;
        for (place, message) in chunk.into_iter().take_while(|(place, _)| place.seq <= upto) {
            let ends = read_header(message.headers.as_ref()).is_some_and(|(mark, _)| mark.ends());
            if let Some(home) = self.names.home(&message.subject).filter(|_| ends)
                && self.last_mark(&home.tenant, &home.stream).await? == Some(place.seq)
            {
                ended.runs.push(home);
            }
        }
        Ok(Some(ended))
    }

    /// Where the last event of a run stands that opened or ended it.
    async fn last_mark(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<u64>, Error> {
        let lane = lane_of(tenant.as_str(), stream.as_str(), self.identity.borrow().lanes);
        let filter = self.names.marked_of(tenant, lane, stream);
        let (lasts, _) = self.get_many(&json!({ "multi_last": [filter] })).await?;
        Ok(lasts.iter().filter(|last| direct_subject(last).is_some()).filter_map(direct_seq).max())
    }
}
