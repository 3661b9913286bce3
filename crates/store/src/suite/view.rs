//! Stores with one numbering and stores with one a lane, seen alike.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, future::select_all};
use headwater_events::{Lane, Place, Position, lane_of};

use super::{
    case::tenant,
    checks::{Got, SOON, follow_until, read_all},
};
use crate::{Append, Follow, FollowItem, FollowScope, ReadScope, Record, Store};

/// What was appended, and where it stands.
pub(super) type Log = Vec<(Position, Append)>;

/// Whether positions of different lanes have nothing to do with each other.
pub(super) fn is_vector(store: &Arc<dyn Store>) -> bool {
    store.capabilities().vector_positions
}

/// The lane of an event.
pub(super) fn lane(store: &Arc<dyn Store>, of: &Append) -> Lane {
    lane_of(of.tenant.as_str(), of.stream.as_str(), store.lanes())
}

/// Which numbering an event's position belongs to: that of its lane, or the only one.
pub(super) fn numbering(store: &Arc<dyn Store>, of: &Append) -> Lane {
    if is_vector(store) { lane(store, of) } else { Lane(0) }
}

/// Before the first event.
pub(super) fn start(store: &Arc<dyn Store>) -> Place {
    if is_vector(store) { Place::before_all(store.lanes()) } else { Place::One(Position::ZERO) }
}

/// Where the log ends now.
pub(super) async fn end(store: &Arc<dyn Store>) -> Place {
    let mut end = start(store);
    if is_vector(store) {
        for lane in (0..store.lanes()).map(Lane) {
            end = end.with(lane, store.lane_tail(lane).await.expect("a tail of a lane"));
        }
        return end;
    }
    Place::One(store.tail().await.expect("a tail"))
}

/// The place of one event of the tenant `default`.
pub(super) fn at(store: &Arc<dyn Store>, name: &str, position: Position) -> Place {
    start(store).with(lane_of("default", name, store.lanes()), position)
}

/// The place of the last event of each numbering.
pub(super) fn reached<'a>(
    store: &Arc<dyn Store>,
    log: impl IntoIterator<Item = (Position, &'a Append)>,
) -> Place {
    log.into_iter().fold(start(store), |place, (position, append)| {
        let lane = lane(store, append);
        let further = place.of(lane).max(position);
        place.with(lane, further)
    })
}

/// The widest scope with one order that holds a stream of the tenant `default`.
pub(super) fn wide(store: &Arc<dyn Store>, name: &str) -> ReadScope {
    let lane = lane_of("default", name, store.lanes());
    if store.capabilities().tenant_order {
        ReadScope::Tenant(tenant("default"))
    } else {
        ReadScope::TenantLane(tenant("default"), lane)
    }
}

/// A stream's name, or one like it: streams of such names count together for limits, which stores that number each
/// lane by itself count lane by lane.
pub(super) fn limited_together(store: &Arc<dyn Store>, name: &str) -> String {
    let fits = |name: &String| !is_vector(store) || lane_of("default", name, store.lanes()) == Lane(0);
    let mut names = std::iter::once(name.to_owned()).chain((0..).map(|n| format!("{name}{n}")));
    names.find(fits).expect("some name is in every lane")
}

/// Everything there is of a tenant: in its order, or lane by lane where it has none.
pub(super) async fn read_tenant(store: &Arc<dyn Store>, of: &str) -> Got {
    if store.capabilities().tenant_order {
        return read_all(store, &ReadScope::Tenant(tenant(of))).await;
    }
    let mut got = Got::default();
    for lane in (0..store.lanes()).map(Lane) {
        got.extend(read_all(store, &ReadScope::TenantLane(tenant(of), lane)).await);
    }
    if !is_vector(store) {
        got.records.sort_by_key(Record::position);
    }
    got
}

/// The records are these events: in this order, or in this order lane by lane where there is no other.
pub(super) fn same_order<'a>(
    store: &Arc<dyn Store>,
    got: &[Record],
    wanted: impl IntoIterator<Item = &'a Append>,
) {
    let wanted: Vec<_> = wanted.into_iter().collect();
    let lanes = if is_vector(store) { store.lanes() } else { 1 };
    for of in (0..lanes).map(Lane) {
        let belongs = |lane: Lane| !is_vector(store) || lane == of;
        let got = got.iter().filter(|r| belongs(r.lane(store.lanes()))).map(|r| r.event().id());
        let wanted = wanted.iter().filter(|a| belongs(lane(store, a))).map(|a| a.event.id());
        assert_eq!(got.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "in order");
    }
}

/// Everything that comes, of all tenants: one follower, or one a lane.
pub(super) struct Live {
    follows: Vec<(Lane, Follow)>,
}

impl Live {
    pub(super) async fn open(store: &Arc<dyn Store>, after: &Place) -> Self {
        let lanes = if is_vector(store) { store.lanes() } else { 1 };
        let mut follows = Vec::new();
        for lane in (0..lanes).map(Lane) {
            let scope = if is_vector(store) { FollowScope::Lane(lane) } else { FollowScope::All };
            follows.push((lane, store.follow(&scope, after.of(lane)).await.expect("a follower")));
        }
        Self { follows }
    }

    /// The next item; `None` when all is over.
    pub(super) async fn next(&mut self) -> Option<FollowItem> {
        loop {
            if self.follows.is_empty() {
                return None;
            }
            let all = self.follows.iter_mut().map(|(_, follow)| follow.next().boxed());
            let soon = tokio::time::timeout(SOON, select_all(all)).await;
            let (item, which, _) = soon.expect("an item comes soon");
            match item {
                Some(item) => return Some(item.expect("the follower does not fail")),
                None => drop(self.follows.swap_remove(which)),
            }
        }
    }

    /// Everything up to a place, which must be that of events.
    pub(super) async fn until(&mut self, place: &Place) -> Got {
        let mut got = Got::default();
        for (lane, follow) in &mut self.follows {
            got.extend(follow_until(follow, place.of(*lane)).await);
        }
        got
    }

    /// Nothing comes for a while.
    pub(super) async fn quiet(&mut self) {
        for (_, follow) in &mut self.follows {
            super::checks::quiet(follow).await;
        }
    }
}
