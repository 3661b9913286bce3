//! Consumers that read history.
//!
//! ```text
//!  lane 0 │ lane 1 │ lane 2 │ …      a consumer fetches from all its places with one request
//!    ▼         ▼        ▼            and keeps what came for each apart
//!  place     place    place          of one reader each, who goes on from page to page
//! ```

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use headwater_events::{Lane, Position};
use headwater_store::Error;
use rdkafka::{ClientConfig, consumer::StreamConsumer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::place::Place;
use crate::{KafkaOptions, aside::Aside, config, context::Context, failure::explain, names::Names};

/// A few consumers, each made when it is first needed, with one place in each lane. Who stopped inside a lane finds its
/// place again, so that who reads page by page goes on with what was fetched already.
#[derive(Debug)]
pub(crate) struct Pool {
    config: ClientConfig,
    context: Context,
    names: Names,
    max: usize,
    shared: Arc<Shared>,
    /// For each lane, how many may read it at once: one at each consumer.
    room: Box<[Arc<Semaphore>]>,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many were made so far.
    made: usize,
    consumers: Vec<Consumer>,
    /// The places that nobody uses, those that were left first in front.
    idle: Vec<Place>,
}

struct Consumer {
    number: usize,
    client: Arc<StreamConsumer<Context>>,
    /// In which lanes it has a place.
    lanes: Box<[bool]>,
}

/// A place that is in use; it goes back when it is dropped.
pub(super) struct Taken {
    place: Option<Place>,
    shared: Arc<Shared>,
    _room: OwnedSemaphorePermit,
}

/// How long a place inside a lane is kept for whoever reads page by page.
const KEPT: Duration = Duration::from_secs(5);
/// How many reports of a consumer are looked at when it is used: there is one for a connection that is lost.
const REPORTS: usize = 16;

impl Pool {
    pub(crate) fn new(options: &KafkaOptions, names: &Names, context: Context) -> Result<Self, Error> {
        let max = options.readers.max(1);
        Ok(Self {
            config: config::reader(options)?,
            context,
            names: names.clone(),
            max,
            shared: Arc::default(),
            room: (0..options.lanes).map(|_| Arc::new(Semaphore::new(max))).collect(),
        })
    }

    /// A place in a lane behind `after`; waits while all of the lane are in use.
    pub(super) async fn take(&self, lane: Lane, after: Position) -> Result<Taken, Error> {
        let room = self.room.get(usize::from(lane.0)).ok_or(Error::Closed)?;
        let room = Arc::clone(room).acquire_owned().await.map_err(|_| Error::Closed)?;
        let (place, client) = {
            let mut state = self.shared.lock();
            let place = match state.find(lane, after) {
                Some(place) => place,
                None => self.make(&mut state, lane)?,
            };
            let client = state.consumers.iter().find(|consumer| consumer.number == place.consumer);
            let client = client.map(|consumer| Arc::clone(&consumer.client)).ok_or(Error::Closed)?;
            (place, client)
        };
        let mut taken = Taken { place: Some(place), shared: Arc::clone(&self.shared), _room: room };
        // What is no record comes by the consumer itself, which nobody else looks at.
        for _ in 0..REPORTS {
            let Some(report) = client.recv().now_or_never() else { break };
            tracing::debug!(error = ?report.err(), "a reader reports");
        }
        if let Some(place) = taken.place().filter(|place| !place.is_at(lane, after)) {
            place.go(after).map_err(|error| explain(&self.names, "reading", &error))?;
        }
        Ok(taken)
    }

    /// A place where there is none yet, or the one that has been left alone for longest.
    fn make(&self, state: &mut State, lane: Lane) -> Result<Place, Error> {
        let index = usize::from(lane.0);
        let has_none = |consumer: &Consumer| consumer.lanes.get(index) == Some(&false);
        let at = match state.consumers.iter().position(has_none) {
            Some(at) => at,
            None if state.consumers.len() < self.max => {
                let consumer = self.open(state.made)?;
                state.made += 1;
                state.consumers.push(consumer);
                state.consumers.len() - 1
            }
            // As there is room in the lane, one of its places is idle.
            None => return state.leave(|place| place.lane() == lane).ok_or(Error::Closed),
        };
        let consumer = state.consumers.get_mut(at).ok_or(Error::Closed)?;
        let place = Place::new(consumer.number, &consumer.client, &self.names.topic, lane);
        if let (Some(_), Some(has)) = (&place, consumer.lanes.get_mut(index)) {
            *has = true;
        }
        place.ok_or(Error::Closed)
    }

    fn open(&self, number: usize) -> Result<Consumer, Error> {
        let client = self
            .config
            .create_with_context(self.context.clone())
            .map_err(|error| explain(&self.names, "opening a reader", &error))?;
        let lanes = vec![false; self.room.len()].into();
        Ok(Consumer { number, client: Arc::new(client), lanes })
    }

    /// Has places fetch nothing more that nobody came back to.
    pub(crate) fn rest(&self) {
        let mut state = self.shared.lock();
        state.idle.iter_mut().filter(|place| place.left_for(KEPT)).for_each(Place::rest);
    }
}

impl State {
    /// Exactly there, or of a place of the lane that rests.
    fn find(&mut self, lane: Lane, after: Position) -> Option<Place> {
        self.leave(|place| place.is_at(lane, after))
            .or_else(|| self.leave(|place| place.lane() == lane && place.rests()))
    }

    fn leave(&mut self, is: impl Fn(&Place) -> bool) -> Option<Place> {
        let found = self.idle.iter().position(is)?;
        Some(self.idle.remove(found))
    }
}

impl Shared {
    /// Poison cannot leave it half changed in a way that matters.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    pub(super) fn place(&mut self) -> Option<&mut Place> {
        self.place.as_mut()
    }

    /// Its consumer does not do what it should: nobody is given it any more.
    pub(super) fn give_up(mut self) {
        let Some(place) = self.place.take() else { return };
        let number = place.consumer;
        let (consumers, idle) = {
            let mut state = self.shared.lock();
            let consumers: Vec<_> = state.consumers.extract_if(.., |one| one.number == number).collect();
            let idle: Vec<_> = state.idle.extract_if(.., |place| place.consumer == number).collect();
            (consumers, idle)
        };
        drop(Aside::new((place, consumers, idle)));
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(mut place) = self.place.take() {
            place.put_down();
            let mut state = self.shared.lock();
            if state.consumers.iter().any(|consumer| consumer.number == place.consumer) {
                state.idle.push(place);
            } else {
                drop(state);
                drop(Aside::new(place));
            }
        }
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}
