//! What goes some time after the end of its run.

use std::time::Duration;

use headwater_events::{Class, StreamName, Tenant, lane_of};
use headwater_store::Error;
use serde_json::json;

use super::take::Taking;
use crate::{
    api::Get,
    codec::{direct_seq, direct_subject, read_header},
    link::Link,
    marks::{Gone, Past},
    names::Home,
    read::Scan,
};

/// So many ends are looked at together.
const CHUNK: usize = 1000;

impl Link {
    /// Takes the deltas of runs that have been over for that long.
    pub(super) async fn take_deltas_of_ended(&self, after: Duration) -> Result<(), Error> {
        self.each_ended("deltas", after, async |home| {
            let filter = self.names.class_of(&home.tenant, home.lane, Class::Transient, &home.stream);
            let last = Get { last_by_subj: Some(filter.clone()), ..Get::default() };
            let Some(last) = self.get(&last).await?.as_ref().and_then(direct_seq) else { return Ok(()) };
            let filters = [filter];
            self.take_under(&filters, &filters, last).await
        })
        .await
    }

    /// Takes whole runs that have been over for that long.
    pub(super) async fn take_ended(&self, after: Duration) -> Result<(), Error> {
        self.each_ended("runs", after, async |home| {
            let filter = self.names.stream(&home.tenant, home.lane, &home.stream);
            let last = Get { last_by_subj: Some(filter.clone()), ..Get::default() };
            let Some(to) = self.get(&last).await?.as_ref().and_then(direct_seq) else { return Ok(()) };
            let durable = self.names.class_of(&home.tenant, home.lane, Class::Durable, &home.stream);
            let durable = Get { last_by_subj: Some(durable), ..Get::default() };
            let mut taking = Taking::default();
            if let Some(last) = self.get(&durable).await?
                && let (Some(seq), Some((mark, at))) = (direct_seq(&last), read_header(last.headers.as_ref()))
            {
                let home = Home { class: Class::Durable, ..home.clone() };
                taking.add(home, seq, mark, at);
            }
            let mut marks = taking.marks();
            marks.push((None, None, to));
            self.set_removed(marks).await?;
            self.change_past(&home.tenant, &home.stream, |past| {
                if past.gone_to() >= to {
                    return false;
                }
                *past = Past { gone: Some(Gone { to, retention: true }), ..Past::default() };
                true
            })
            .await?;
            self.purge(filter, to).await.map(drop)
        })
        .await
    }

    /// Does something with each run that ended that long ago, and did not go on since: once for each end.
    async fn each_ended(
        &self,
        rule: &str,
        after: Duration,
        work: impl AsyncFn(Home) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let upto = self.older_than(after).await?;
        let done = self.looked_through(rule).await?;
        if upto <= done {
            return Ok(());
        }
        let mut scan = Scan::new(self, vec![self.names.marked()], done + 1, true).await?;
        'scan: while let Some(chunk) = scan.next(CHUNK, usize::MAX).await? {
            let mut last = 0;
            for (place, message) in chunk {
                if place.seq > upto {
                    break 'scan;
                }
                last = place.seq;
                let ends = read_header(message.headers.as_ref()).is_some_and(|(mark, _)| mark.ends());
                let Some(home) = self.names.home(&message.subject).filter(|_| ends) else { continue };
                if self.last_mark(&home.tenant, &home.stream).await? == Some(place.seq) {
                    work(home).await?;
                }
            }
            self.set_looked_through(rule, last).await?;
        }
        scan.end().await;
        self.set_looked_through(rule, upto).await
    }

    /// Where the last event of a run stands that opened or ended it.
    async fn last_mark(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<u64>, Error> {
        let lane = lane_of(tenant.as_str(), stream.as_str(), self.identity.borrow().lanes);
        let filter = self.names.marked_of(tenant, lane, stream);
        let (lasts, _) = self.get_many(&json!({ "multi_last": [filter] })).await?;
        Ok(lasts.iter().filter(|last| direct_subject(last).is_some()).filter_map(direct_seq).max())
    }
}
