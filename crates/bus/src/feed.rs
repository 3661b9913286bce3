//! Everything of a tenant as it comes, with the log behind it.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use headwater_broker::{Error, EventBroker, EventStream, Gap, Item, Source, Start, Subscription};
use headwater_events::{Cursor, Filter, Scope, Tenant};
use headwater_store::{Error as StoreError, GapReason};

/// How many events are read from the log at once.
const PAGE: usize = 512;

/// Opens the feed of a tenant: every class, from `start` on.
///
/// A feed reaches back only a short way. What a slow reader of it missed comes as a gap, and the durable events in it
/// come all the same, from the log. Where there is no feed (a remote broker), it is the durable events of the tenant.
///
/// The answer says whether there are transient events in it.
pub(crate) async fn open(
    broker: &Arc<dyn EventBroker>,
    tenant: &Tenant,
    start: Start,
) -> Result<(EventStream, bool), Error> {
    let feed = Subscription::new(Scope::Feed(tenant.clone())).start(start.clone());
    match broker.subscribe(feed).await {
        Ok(inner) => {
            let capabilities = broker.capabilities();
            let mends = capabilities.tenant_order && !capabilities.vector_positions;
            let feed = Feed {
                handed: inner.cursor(),
                inner,
                mends: mends.then(|| (Arc::clone(broker), Scope::Tenant(tenant.clone()))),
                hole: None,
                waiting: VecDeque::new(),
            };
            Ok((EventStream::new(feed), true))
        }
        Err(Error::Store(StoreError::Unsupported { .. })) => {
            let durable = Subscription::new(Scope::Tenant(tenant.clone())).start(start);
            Ok((broker.subscribe(durable).await?, false))
        }
        Err(error) => Err(error),
    }
}

struct Feed {
    inner: EventStream,
    /// Where the log is read, if it can be.
    mends: Option<(Arc<dyn EventBroker>, Scope)>,
    /// What of the log is to be read before anything else.
    hole: Option<(Cursor, Cursor)>,
    /// Where to resume behind what was handed over.
    handed: Cursor,
    /// What comes behind it.
    waiting: VecDeque<Item>,
}

impl Feed {
    /// One page of the hole.
    async fn mend(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<(), Error> {
        let (Some((broker, scope)), Some((from, to))) = (&self.mends, &self.hole) else {
            self.hole = None;
            return Ok(());
        };
        let page = broker.read(scope, &Filter::all(), Start::After(from.clone()), max.min(PAGE)).await?;
        let inside = |cursor: &Cursor| cursor.position() <= to.position();
        // What the log has lost too is in the gap that was told.
        let events = page.events.into_iter().filter(|delivery| inside(&delivery.cursor));
        out.extend(events.map(Item::Event));
        self.handed = page.next.clone();
        let whole = !page.more || page.next.position() >= to.position();
        self.hole = (!whole).then(|| (page.next, to.clone()));
        Ok(())
    }
}

/// Whether the events of a gap may still be in the log.
fn is_hole(gap: &Gap) -> bool {
    !matches!(gap.reason, GapReason::Reset | GapReason::Deleted | GapReason::Retention | GapReason::Trimmed)
}

#[async_trait]
impl Source for Feed {
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error> {
        loop {
            if self.hole.is_some() {
                self.mend(out, max).await?;
            } else if let Some(item) = self.waiting.pop_front() {
                if let Item::Gap(gap) = &item
                    && is_hole(gap)
                    && self.mends.is_some()
                {
                    self.hole = Some((gap.from.clone(), gap.to.clone()));
                }
                self.handed = item.cursor();
                out.push_back(item);
            } else {
                match self.inner.next_batch(max).await {
                    Some(Ok(items)) => self.waiting = items.into(),
                    Some(Err(error)) => return Err(error),
                    None => return Ok(false),
                }
            }
            let more = self.hole.is_none() && !self.waiting.is_empty() && out.len() < max;
            if !out.is_empty() && !more {
                return Ok(true);
            }
        }
    }

    fn cursor(&self) -> Cursor {
        match &self.hole {
            Some((from, _)) => from.clone(),
            None if self.waiting.is_empty() => self.inner.cursor(),
            None => self.handed.clone(),
        }
    }
}
