//! What a reader saw, in order.

use std::fmt::Debug;

use headwater_events::{Cursor, Place, Position, lane_of};
use tokio::time::timeout;

use super::{PATIENCE, Subject};
use crate::{Delivery, Error, EventBroker, EventStream, Gap, Item, Subscription};

/// A subscription together with what came out of it so far.
#[derive(Debug)]
pub(super) struct Tape {
    stream: EventStream,
    pub(super) events: Vec<Delivery>,
    pub(super) gaps: Vec<Gap>,
    /// How many events had come when the reader was told that it had caught up, each time it was.
    pub(super) caught_up: Vec<usize>,
    /// Where the end was told.
    pub(super) end: Option<Cursor>,
    /// The error it ended with.
    pub(super) error: Option<Error>,
    pub(super) over: bool,
}

impl Tape {
    /// Subscribes.
    pub(super) async fn start(broker: &dyn EventBroker, subscription: Subscription) -> Self {
        let stream = timeout(PATIENCE, broker.subscribe(subscription)).await;
        let stream = stream.expect("subscribing takes no time").expect("a good subscription");
        Self {
            stream,
            events: Vec::new(),
            gaps: Vec::new(),
            caught_up: Vec::new(),
            end: None,
            error: None,
            over: false,
        }
    }

    /// Takes one item; `false` once the subscription is over.
    pub(super) async fn step(&mut self) -> bool {
        let Ok(next) = timeout(PATIENCE, self.stream.next()).await else {
            panic!("nothing came for {PATIENCE:?}; {}", self.story());
        };
        assert!(self.end.is_none() || next.is_none(), "{next:?} came behind the end; {}", self.story());
        match next {
            Some(Ok(Item::Event(delivery))) => self.events.push(delivery),
            Some(Ok(Item::Gap(gap))) => self.gaps.push(gap),
            Some(Ok(Item::CaughtUp(_))) => self.caught_up.push(self.events.len()),
            Some(Ok(Item::End(cursor))) => self.end = Some(cursor),
            Some(Err(error)) => {
                self.error = Some(error);
                self.over = true;
            }
            None => self.over = true,
        }
        !self.over
    }

    /// Takes items until there are `n` events.
    pub(super) async fn events(&mut self, n: usize) {
        while self.events.len() < n {
            assert!(self.step().await, "over before event {n}; {}", self.story());
        }
    }

    /// Takes items until the event with this id. Events of other lanes may have come behind it.
    pub(super) async fn until(&mut self, id: &str) {
        while !self.events.iter().rev().any(|event| event.event().id() == id) {
            assert!(self.step().await, "over before {id}; {}", self.story());
        }
    }

    /// Takes items until the reader has caught up.
    pub(super) async fn until_caught_up(&mut self) {
        while self.caught_up.is_empty() {
            assert!(self.step().await, "over before it caught up; {}", self.story());
        }
    }

    /// Takes items until there is a gap.
    pub(super) async fn until_gap(&mut self) {
        let had = self.gaps.len();
        while self.gaps.len() == had {
            assert!(self.step().await, "over before a gap; {}", self.story());
        }
    }

    /// Takes items until the subscription is over.
    pub(super) async fn finish(&mut self) {
        while self.step().await {}
    }

    /// The ids of the events.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.events.iter().map(|d| d.event().id()).collect()
    }

    /// The cursor the subscription gives now.
    pub(super) fn cursor(&self) -> Cursor {
        self.stream.cursor()
    }

    /// The events are these, and nothing was missing.
    pub(super) fn is_exactly(&self, ids: &[impl AsRef<str> + Debug]) {
        assert!(self.gaps.is_empty(), "no gap was expected; {}", self.story());
        same(&self.ids(), ids);
        self.is_ordered();
    }

    /// The events are these, and nothing was missing: in this order where a tenant has one, else in this order inside
    /// each run.
    pub(super) fn is_exactly_in(&self, order: Order, ids: &[impl AsRef<str> + Debug]) {
        if order == Order::Log {
            return self.is_exactly(ids);
        }
        assert!(self.gaps.is_empty(), "no gap was expected; {}", self.story());
        same_in(order, &self.ids(), ids);
        for delivery in &self.events {
            let at = place_in(
                &delivery.cursor,
                delivery.event().tenant().unwrap_or("default"),
                delivery.event().stream(),
            );
            assert_eq!(delivery.record.position(), at, "a record stands where its cursor says");
        }
    }

    /// Cursors grow, and each event stands where its cursor says.
    pub(super) fn is_ordered(&self) {
        for delivery in &self.events {
            assert_eq!(
                delivery.record.position(),
                delivery.cursor.position(),
                "a record stands where its cursor says"
            );
        }
        for pair in self.events.windows(2) {
            assert!(pair[0].cursor.position() < pair[1].cursor.position(), "out of order: {pair:?}");
        }
    }

    /// Of events that stand at `all`, each came or lies in exactly one gap, and none did both.
    pub(super) fn accounts_for(&self, all: &[Cursor]) {
        self.is_ordered();
        let came: std::collections::HashSet<Position> =
            self.events.iter().map(|d| d.cursor.position()).collect();
        let mut missing = 0;
        for cursor in all {
            let at = cursor.position();
            let gaps =
                self.gaps.iter().filter(|gap| gap.from.position() < at && at <= gap.to.position()).count();
            let here = usize::from(came.contains(&at));
            assert_eq!(gaps + here, 1, "{at} came {here} times and lies in {gaps} gaps; {}", self.story());
            missing += gaps;
        }
        assert_eq!(came.len() + missing, all.len(), "events that were not published; {}", self.story());
    }

    /// What happened, in short.
    pub(super) fn story(&self) -> String {
        let ids = self.ids();
        format!(
            "{} events ({:?} … {:?}), gaps {:?}, caught up after {:?}, end {:?}, error {:?}",
            ids.len(),
            ids.first(),
            ids.last(),
            self.gaps,
            self.caught_up,
            self.end.is_some(),
            self.error
        )
    }
}

/// How far the events of several runs are in one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// All of them.
    Log,
    /// Those of each run.
    Run,
}

impl Order {
    pub(super) fn of(subject: &dyn Subject) -> Self {
        if subject.capabilities().tenant_order { Self::Log } else { Self::Run }
    }
}

/// How far a cursor reaches where a stream is.
pub(super) fn place_in(cursor: &Cursor, tenant: &str, stream: &str) -> Position {
    match cursor.place() {
        Place::One(position) => *position,
        Place::Lanes(lanes) => {
            let lanes = u16::try_from(lanes.len()).expect("a number of lanes");
            cursor.place().of(lane_of(tenant, stream, lanes))
        }
    }
}

/// Two lists of ids (`run/n`) are the same in an order.
pub(super) fn same_in(order: Order, have: &[impl AsRef<str> + Debug], want: &[impl AsRef<str> + Debug]) {
    fn run(id: &str) -> &str {
        id.split('/').next().unwrap_or(id)
    }
    fn sorted<T: AsRef<str>>(ids: &[T]) -> Vec<&str> {
        let mut ids: Vec<_> = ids.iter().map(AsRef::as_ref).collect();
        // Stable: what is of one run stays as it is.
        ids.sort_by(|a, b| run(a).cmp(run(b)));
        ids
    }
    match order {
        Order::Log => same(have, want),
        Order::Run => same(&sorted(have), &sorted(want)),
    }
}

/// Two lists of ids are the same; says where they differ.
pub(super) fn same(have: &[impl AsRef<str> + Debug], want: &[impl AsRef<str> + Debug]) {
    let differ = have.iter().zip(want).position(|(h, w)| h.as_ref() != w.as_ref());
    if let Some(at) = differ {
        panic!(
            "at {at}: {:?} instead of {:?} ({} instead of {} in all)",
            have[at],
            want[at],
            have.len(),
            want.len()
        );
    }
    let (more, less) = (have.get(want.len()), want.get(have.len()));
    assert_eq!(have.len(), want.len(), "the same up to there; then {more:?} instead of {less:?}");
}
