//! What a follower is given before it joins the others.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use futures_util::{Stream, stream};
use headwater_events::{Position, Tenant};
use headwater_store::{Error, FollowItem, FollowScope, Gap, GapReason, Record};
use redis::Cmd;

use super::step::{News, Reading, Step};
use crate::{
    link::Link,
    reply::{self, Id},
};

/// Everything of a scope in `(after, since]`, or a gap that says from where.
pub(super) fn stream(
    link: Arc<Link>,
    scope: FollowScope,
    after: Position,
    since: Position,
) -> impl Stream<Item = Result<FollowItem, Error>> + Send {
    let catching = CatchUp {
        link,
        scope,
        at: after,
        since,
        place: Id::behind(after),
        feeds: None,
        ready: VecDeque::new(),
    };
    stream::unfold(catching, |mut this| async move { this.next().await.map(|item| (Ok(item), this)) })
}

struct CatchUp {
    link: Arc<Link>,
    scope: FollowScope,
    /// Everything up to here was given or told.
    at: Position,
    since: Position,
    /// Where the feeds are read on.
    place: Id,
    /// The tenants that are read, with the last entries of their feeds.
    feeds: Option<BTreeMap<Tenant, Id>>,
    ready: VecDeque<FollowItem>,
}

impl CatchUp {
    async fn next(&mut self) -> Option<FollowItem> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if self.at >= self.since {
                return None;
            }
            match self.read().await {
                Ok(Some(step)) => self.take(step),
                // Nothing more of the scope up to there.
                Ok(None) => self.at = self.since,
                Err(error) => {
                    tracing::debug!(%error, "a follower could not catch up from the feed");
                    self.missing(self.since);
                    self.at = self.since;
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Step>, Error> {
        let first = self.feeds.is_none();
        if first {
            self.feeds = Some(self.tenants().await?);
        }
        let feeds = self.feeds.clone().unwrap_or_default();
        let tenants: BTreeSet<Tenant> = feeds.keys().cloned().collect();
        let cap = Some(Id::behind(self.since));
        let reading = Reading { tenants: &tenants, arrivals: false, from: self.place, cap };
        let step = reading.step(&self.link).await?;
        if first {
            // A feed that is gone altogether has nothing to say of what it had.
            let gone =
                feeds.iter().filter(|(tenant, last)| **last > self.place && !step.heard.contains(*tenant));
            if let Some(last) = gone.map(|(_, last)| last.position).max() {
                self.missing(Position(last));
            }
        }
        Ok((step.upto > self.place).then_some(step))
    }

    /// The tenants of the scope that have ever had events.
    async fn tenants(&self) -> Result<BTreeMap<Tenant, Id>, Error> {
        let key = format!("{}:tn", self.link.namespace);
        let mut command = Cmd::new();
        match &self.scope {
            FollowScope::Tenant(tenant) => command.arg("HGET").arg(&key).arg(tenant.as_str()),
            FollowScope::All | FollowScope::Lane(_) => command.arg("HGETALL").arg(&key),
        };
        let mut live = self.link.live().await?;
        let answer = live.commands.send_packed_command(&command).await.map_err(Error::unavailable)?;
        let parse = |name: String, id: String| Some((name.parse().ok()?, Id::parse(&id)?));
        match &self.scope {
            FollowScope::Tenant(tenant) => {
                Ok(parse(tenant.to_string(), reply::text(answer)?).into_iter().collect())
            }
            FollowScope::All | FollowScope::Lane(_) => {
                let words: Result<Vec<_>, _> = reply::array(answer)?.into_iter().map(reply::text).collect();
                let words = words?;
                let (pairs, _) = words.as_chunks::<2>();
                Ok(pairs.iter().filter_map(|[name, id]| parse(name.clone(), id.clone())).collect())
            }
        }
    }

    fn take(&mut self, step: Step) {
        self.place = step.upto;
        for news in step.news {
            match news {
                News::Missing { to } => self.missing(to),
                News::Records(records) => {
                    let (at, since, lanes) = (self.at, self.since, self.link.lanes);
                    let wanted = |record: &Record| {
                        record.position() > at
                            && record.position() <= since
                            && match &self.scope {
                                FollowScope::Lane(lane) => record.lane(lanes) == *lane,
                                FollowScope::All | FollowScope::Tenant(_) => true,
                            }
                    };
                    let records: Arc<[Record]> = records.into_iter().filter(wanted).collect();
                    if let Some(last) = records.last() {
                        self.at = last.position();
                        self.ready.push_back(FollowItem::Batch(records));
                    }
                }
                News::Deleted { tenant, stream, to } => {
                    self.ready.push_back(FollowItem::Deleted { tenant, stream, to });
                }
            }
        }
        self.at = self.at.max(Position(step.upto.position).min(self.since));
    }

    fn missing(&mut self, to: Position) {
        let to = to.min(self.since);
        if to > self.at {
            self.ready.push_back(FollowItem::Gap(Gap {
                from: self.at,
                to,
                reason: GapReason::Overflow,
                stream: None,
            }));
            self.at = to;
        }
    }
}
