//! Taking the oldest events of a kind.

use std::collections::HashMap;

use futures_util::{TryStreamExt, stream};
use headwater_events::{Class, Lane, Mark, StreamName, Tenant, lane_of};
use headwater_store::Error;

use super::Kind;
use crate::{
    codec::{direct_seq, read_header},
    link::Link,
    marks::{Left, Past},
    metric_definitions,
    names::Home,
    read::Scan,
};

/// So many events are written down and purged together.
const CHUNK: usize = 2000;

/// What goes of a run, in the order of the log.
#[derive(Default)]
pub(super) struct Going {
    events: Vec<One>,
}

struct One {
    position: u64,
    at: i64,
    class: Class,
    mark: Mark,
}

/// What goes, by run.
#[derive(Default)]
pub(super) struct Taking {
    runs: HashMap<(Tenant, StreamName), Going>,
    /// The last durable one of each lane of each tenant.
    durable: HashMap<(Tenant, Lane), u64>,
    last: u64,
}

impl Taking {
    pub(super) fn add(&mut self, home: Home, position: u64, mark: Mark, at: i64) {
        self.last = self.last.max(position);
        if home.class == Class::Durable {
            let last = self.durable.entry((home.tenant.clone(), home.lane)).or_default();
            *last = (*last).max(position);
        }
        let going = self.runs.entry((home.tenant, home.stream)).or_default();
        going.events.push(One { position, at, class: home.class, mark });
    }

    /// The marks of tenants, lanes, and both.
    pub(super) fn marks(&self) -> Vec<(Option<Tenant>, Option<Lane>, u64)> {
        let mut tenants: HashMap<&Tenant, u64> = HashMap::new();
        let mut lanes: HashMap<Lane, u64> = HashMap::new();
        let mut marks = vec![(None, None, self.last)];
        for ((tenant, lane), to) in &self.durable {
            let of_tenant = tenants.entry(tenant).or_default();
            *of_tenant = (*of_tenant).max(*to);
            let of_lane = lanes.entry(*lane).or_default();
            *of_lane = (*of_lane).max(*to);
            marks.push((Some(tenant.clone()), Some(*lane), *to));
        }
        marks.extend(tenants.into_iter().map(|(tenant, to)| (Some(tenant.clone()), None, to)));
        marks.extend(lanes.into_iter().map(|(lane, to)| (None, Some(lane), to)));
        marks
    }
}

impl Going {
    /// Writes down what goes; `false` where all of it was.
    fn note(&self, past: &mut Past, first: Option<(u64, i64)>) -> bool {
        let before = past.clone();
        for one in &self.events {
            let counted = match one.class {
                Class::Durable => &mut past.removed,
                Class::Transient => &mut past.trimmed,
                Class::Internal => &mut past.internal,
            };
            // Of an earlier life, or written down by a call that was cut off.
            if one.position <= *counted || one.position <= before.gone_to() {
                continue;
            }
            *counted = one.position;
            match one.class {
                Class::Durable => past.durable += 1,
                Class::Transient => past.transient += 1,
                Class::Internal => {}
            }
            let here = (one.position, one.at);
            past.first = past.first.min(Some(here)).or(Some(here));
            past.last = past.last.max(Some(here));
            if one.mark != Mark::None && past.mark.is_none_or(|(position, ..)| position < one.position) {
                past.mark = Some((one.position, one.at, one.mark as u8));
            }
        }
        if *past == before {
            return false;
        }
        // What goes need not be the oldest: deltas go before the event that opened their run.
        past.first = past.first.min(first).or(past.first);
        true
    }
}

impl Link {
    /// Takes the events of a kind up to a position.
    pub(super) async fn take_up_to(&self, kind: Kind, cut: u64) -> Result<(), Error> {
        let filters = kind.filters(self);
        self.take_under(&filters, &filters, cut).await
    }

    /// Takes the events under `filters`, which are looked through and purged, up to a position.
    pub(super) async fn take_under(
        &self,
        filters: &[String],
        purged: &[String],
        cut: u64,
    ) -> Result<(), Error> {
        let mut scan = Scan::new(self, filters.to_vec(), 1, true).await?;
        let mut over = false;
        while !over {
            let Some(chunk) = scan.next(self, CHUNK, usize::MAX).await? else { break };
            let mut taking = Taking::default();
            let mut upto = 0;
            for (place, message) in chunk {
                if place.seq > cut {
                    over = true;
                    break;
                }
                upto = place.seq;
                // What somebody else wrote goes without a word: it was no event.
                if let (Some(home), Some((mark, at))) =
                    (self.names.home(&message.subject), read_header(message.headers.as_ref()))
                {
                    taking.add(home, place.seq, mark, at);
                }
            }
            if upto == 0 {
                break;
            }
            self.note(&taking).await?;
            for filter in purged {
                let purged = self.purge(filter.clone(), upto).await?;
                metrics::counter!(metric_definitions::TRIMMED).increment(purged);
            }
        }
        scan.end(self).await;
        Ok(())
    }

    /// Writes down what goes: scopes, then runs.
    pub(super) async fn note(&self, taking: &Taking) -> Result<(), Error> {
        self.set_removed(taking.marks()).await?;
        stream::iter(taking.runs.iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(8, |((tenant, stream), going)| async move {
                let first = self.first_of(tenant, stream).await?;
                let left = self.left_behind(tenant, stream, taking.last).await?;
                self.change_past(tenant, stream, left, |past| going.note(past, first)).await
            })
            .await
    }

    /// Whether something of a run stands behind a place.
    async fn left_behind(&self, tenant: &Tenant, stream: &StreamName, place: u64) -> Result<Left, Error> {
        let lane = lane_of(tenant.as_str(), stream.as_str(), self.identity.borrow().lanes);
        let last = self.last(&self.names.stream(tenant, lane, stream)).await?;
        let last = last.as_ref().and_then(direct_seq).unwrap_or(0);
        Ok(if last > place { Left::Something } else { Left::Nothing })
    }
}
