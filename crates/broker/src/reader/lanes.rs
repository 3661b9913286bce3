//! A wide scope over a store that numbers each lane by itself: a reader for each lane, and one cursor for all.
//!
//! Inside a lane, so inside every run, order is that of the log; between lanes it is that of arrival. The cursor has
//! a number for each lane.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use headwater_events::{Cursor, Epoch, Lane, Place, Position, Scope, lane_of};
use headwater_store::{GapReason, Store};

use super::output::Reached;
use crate::{Error, Gap, Item, Source, Start};

/// How many items of a lane are taken at once.
const BATCH: usize = 256;

type Part = BoxStream<'static, (Lane, Result<Vec<Item>, Error>)>;

/// One lane's reader.
pub(crate) struct LaneSource {
    pub(crate) lane: Lane,
    pub(crate) source: Box<dyn Source>,
    pub(crate) reached: Arc<Reached>,
}

/// The readers of a wide scope's lanes as one.
pub(crate) struct Lanes {
    parts: SelectAll<Part>,
    reached: Vec<(Lane, Arc<Reached>)>,
    /// Where to resume behind the last item that was handed over.
    cursor: Cursor,
    /// In which numbering each lane is read: a log that is replaced is told by each of them, one after the other.
    epochs: BTreeMap<Lane, Epoch>,
    /// Items that are ready, none of them handed over.
    ready: VecDeque<Item>,
    /// How many lanes have not caught up.
    behind: usize,
}

impl Lanes {
    /// The lanes a scope lies in, with what of it lies in each.
    pub(crate) fn of(scope: &Scope, lanes: u16) -> Vec<(Lane, Scope)> {
        match scope {
            Scope::Streams(tenant, streams) => {
                let mut by_lane = BTreeMap::<Lane, Vec<_>>::new();
                for stream in streams {
                    let lane = lane_of(tenant.as_str(), stream.as_str(), lanes);
                    by_lane.entry(lane).or_default().push(stream.clone());
                }
                let part = |(lane, streams)| (lane, Scope::Streams(tenant.clone(), streams));
                by_lane.into_iter().map(part).collect()
            }
            Scope::Stream(tenant, stream) => {
                vec![(lane_of(tenant.as_str(), stream.as_str(), lanes), scope.clone())]
            }
            Scope::Tenant(_) | Scope::Feed(_) => (0..lanes).map(|lane| (Lane(lane), scope.clone())).collect(),
        }
    }

    /// The present end of every lane.
    pub(crate) async fn tail(store: &dyn Store) -> Result<Place, Error> {
        let mut ends = Vec::with_capacity(usize::from(store.lanes()));
        for lane in 0..store.lanes() {
            ends.push(store.lane_tail(Lane(lane)).await?);
        }
        Ok(Place::Lanes(ends.into()))
    }

    /// Where a reader begins, and the gap it is told first, if its cursor is of another numbering.
    pub(crate) async fn begin(
        store: &dyn Store,
        scope: &Scope,
        start: Start,
    ) -> Result<(Cursor, Option<Gap>), Error> {
        let print = scope.print();
        let tail = Self::tail(store).await?;
        let epoch = store.epoch();
        let oldest = Cursor::new(print, epoch, Place::before_all(store.lanes()));
        let cursor = match start {
            Start::Earliest => return Ok((oldest, None)),
            Start::Live => return Ok((oldest.at(tail), None)),
            Start::After(cursor) if cursor.scope() != print => return Err(Error::ForeignCursor),
            Start::After(cursor) => cursor,
        };
        let known = match cursor.place() {
            Place::Lanes(lanes) => cursor.epoch() == epoch && lanes.len() == usize::from(store.lanes()),
            Place::One(_) => false,
        };
        if known {
            return Ok((cursor, None));
        }
        let gap = Gap { from: cursor, to: oldest.clone(), reason: GapReason::Reset, stream: None };
        Ok((oldest, Some(gap)))
    }

    /// Reads from `cursor` on with one source a lane, each of which begins at its part of the place.
    pub(crate) fn new(cursor: Cursor, gap: Option<Gap>, sources: Vec<LaneSource>) -> Self {
        let behind = sources.len();
        let reached = sources.iter().map(|part| (part.lane, Arc::clone(&part.reached))).collect();
        let epochs = sources.iter().map(|part| (part.lane, cursor.epoch())).collect();
        let mut ready: VecDeque<_> = gap.into_iter().map(Item::Gap).collect();
        if behind == 0 {
            ready.push_back(Item::CaughtUp(cursor.clone()));
        }
        let parts = sources.into_iter().map(|part| items(part.lane, part.source)).collect();
        Self { parts, reached, cursor, epochs, ready, behind }
    }

    /// Puts what a lane gave behind what is ready.
    fn take(&mut self, lane: Lane, items: Vec<Item>) {
        for item in items {
            let last = self.ready.back().map_or_else(|| self.cursor.clone(), Item::cursor);
            if let Item::Gap(gap) = &item
                && gap.reason == GapReason::Reset
                && let Some(before) = self.epochs.insert(lane, gap.to.epoch())
                && before != gap.to.epoch()
            {
                // The first lane tells it for all: what follows is numbered anew everywhere.
                if last.epoch() != gap.to.epoch() {
                    let to = Cursor::new(last.scope(), gap.to.epoch(), before_all(last.place()));
                    self.ready.push_back(Item::Gap(Gap { from: last, to, ..gap.clone() }));
                }
                continue;
            }
            // What a lane still gives of the numbering before has no place in the new one.
            let at = |cursor: &Cursor| match cursor.epoch() == last.epoch() {
                true => last.at(last.place().with(lane, cursor.position())),
                false => last.clone(),
            };
            self.ready.push_back(match item {
                Item::Event(mut delivery) => {
                    delivery.cursor = at(&delivery.cursor);
                    Item::Event(delivery)
                }
                Item::Gap(gap) => {
                    let (from, to) = (at(&gap.from), at(&gap.to));
                    Item::Gap(Gap { from, to, ..gap })
                }
                Item::CaughtUp(cursor) => {
                    self.behind -= 1;
                    if self.behind > 0 {
                        continue;
                    }
                    Item::CaughtUp(at(&cursor))
                }
                Item::End(cursor) => Item::End(at(&cursor)),
            });
        }
    }
}

/// Before the first event of as many lanes.
fn before_all(place: &Place) -> Place {
    match place {
        Place::One(_) => Place::One(Position::ZERO),
        Place::Lanes(lanes) => Place::before_all(u16::try_from(lanes.len()).unwrap_or(u16::MAX)),
    }
}

fn items(lane: Lane, source: Box<dyn Source>) -> Part {
    stream::unfold(Some(source), move |source| async move {
        let (mut source, mut items) = (source?, VecDeque::new());
        match source.fill(&mut items, BATCH).await {
            Ok(true) => Some(((lane, Ok(items.into())), Some(source))),
            Ok(false) => None,
            Err(error) => Some(((lane, Err(error)), None)),
        }
    })
    .boxed()
}

#[async_trait]
impl Source for Lanes {
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error> {
        while self.ready.is_empty() {
            match self.parts.next().await {
                Some((lane, Ok(items))) => self.take(lane, items),
                Some((lane, Err(Error::SlowConsumer { cursor }))) => {
                    let cursor = match cursor.epoch() == self.cursor.epoch() {
                        true => self.cursor.at(self.cursor.place().with(lane, cursor.position())),
                        false => self.cursor.clone(),
                    };
                    return Err(Error::SlowConsumer { cursor });
                }
                Some((_, Err(error))) => return Err(error),
                None => return Ok(false),
            }
        }
        let take = self.ready.len().min(max);
        out.extend(self.ready.drain(..take));
        self.cursor = out.back().map_or_else(|| self.cursor.clone(), Item::cursor);
        Ok(true)
    }

    fn cursor(&self) -> Cursor {
        if !self.ready.is_empty() {
            return self.cursor.clone();
        }
        // Everything that the lanes gave was handed over: what they passed since is hidden by the filter.
        let same = |lane| self.epochs.get(lane) == Some(&self.cursor.epoch());
        let reached = self.reached.iter().filter(|(lane, _)| same(lane));
        let place = reached.fold(self.cursor.place().clone(), |place, (lane, reached)| {
            let position = reached.get().max(place.of(*lane));
            if position > place.of(*lane) { place.with(*lane, position) } else { place }
        });
        self.cursor.at(place)
    }
}
