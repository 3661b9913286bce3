//! A reader of everything, who reads from history what a follower tells to be missing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::SelectAll};
use headwater_events::{Epoch, Lane, Position};

use super::{
    super::{
        checks::Got,
        view::{is_vector, start},
    },
    BACK,
};
use crate::{Error, FollowItem, FollowScope, Gap, GapReason, ReadScope, Record, Store};

/// What a reader got so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// With the numbering they came under.
    pub(super) records: Vec<(Epoch, Record)>,
    /// What was told as lost, not counting what was read from history instead.
    pub(super) lost: Vec<Gap>,
    /// How often the numbering was told to be another one.
    pub(super) resets: usize,
    /// Every gap that the follower told.
    told: Vec<Gap>,
}

/// Follows everything from the beginning, and reads from history what lies in gaps.
pub(super) struct Reader {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    /// A reader from the beginning of the log.
    pub(super) async fn start(store: &Arc<dyn Store>) -> Self {
        let place = start(store);
        let lanes = if is_vector(store) { store.lanes() } else { 1 };
        let mut follows = SelectAll::new();
        for lane in (0..lanes).map(Lane) {
            let scope = if is_vector(store) { FollowScope::Lane(lane) } else { FollowScope::All };
            let follow = store.follow(&scope, place.of(lane)).await.expect("a follower");
            follows.push(follow.map(move |item| (lane, item)));
        }
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (store, notes) = (Arc::clone(store), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Some((lane, item)) = follows.next().await {
                match item.expect("a follower does not fail while its server is away") {
                    FollowItem::Batch(batch) => {
                        let epoch = store.epoch();
                        lock(&notes).records.extend(batch.iter().map(|record| (epoch, record.clone())));
                    }
                    FollowItem::Gap(gap) if gap.reason == GapReason::Reset => lock(&notes).resets += 1,
                    FollowItem::Gap(gap) => {
                        lock(&notes).told.push(gap.clone());
                        let lanes = if is_vector(&store) { lane.0..lane.0 + 1 } else { 0..store.lanes() };
                        for lane in lanes.map(Lane) {
                            let got = missed(&store, lane, &gap).await;
                            let epoch = store.epoch();
                            let mut seen = lock(&notes);
                            seen.records.extend(got.records.into_iter().map(|record| (epoch, record)));
                            seen.lost.extend(got.gaps);
                        }
                    }
                    FollowItem::Deleted { .. } => {}
                }
            }
        });
        Self { seen, task }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Waits until `done` says so of what was seen.
    pub(super) async fn until(&self, what: &str, done: impl Fn(&Seen) -> bool) {
        let start = Instant::now();
        while !done(&self.seen()) {
            if self.task.is_finished() {
                panic!("the reader ended before {what}");
            }
            assert!(start.elapsed() < BACK, "the reader waits for {what}: {}", self.story());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn story(&self) -> String {
        let seen = self.seen();
        let (count, told) = (seen.records.len(), &seen.told);
        format!("{count} records, gaps {told:?}, of that lost {:?}, {} resets", seen.lost, seen.resets)
    }

    /// Waits for so many events, and says which do not come.
    async fn comes_to(&self, count: usize, history: &HashMap<String, Got>) {
        let start = Instant::now();
        while self.seen().records.len() < count {
            if start.elapsed() > BACK || self.task.is_finished() {
                let came: HashSet<_> =
                    self.seen().records.iter().map(|(_, r)| r.event().id().to_owned()).collect();
                let stored = history.values().flat_map(|got| &got.records);
                let mut missing: Vec<_> = stored.filter(|r| !came.contains(r.event().id())).collect();
                missing.sort_by_key(|record| record.position());
                let missing: Vec<_> = missing.iter().map(|r| (r.position().0, r.event().id())).collect();
                let (few, all) = (&missing[..missing.len().min(20)], missing.len());
                panic!("{all} events of {count} never come to a reader: {few:?} …; it has {}", self.story());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// It gets exactly what history has, each stream in its order, and nothing is lost.
    pub(super) async fn has_exactly(self, history: &HashMap<String, Got>) {
        let count = history.values().map(|got| got.records.len()).sum::<usize>();
        self.comes_to(count, history).await;
        let seen = self.seen();
        assert!(seen.lost.is_empty() && seen.resets == 0, "nothing is lost: {:?}", seen.lost);
        let mut own: HashMap<&str, Vec<(Position, &str)>> = HashMap::new();
        for (_, record) in &seen.records {
            own.entry(record.event().stream()).or_default().push((record.position(), record.event().id()));
        }
        for (name, all) in history {
            let stored: Vec<_> = all.records.iter().map(|r| (r.position(), r.event().id())).collect();
            let came = own.remove(name.as_str()).unwrap_or_default();
            let differ = came.iter().zip(&stored).position(|(came, stored)| came != stored);
            assert!(
                came == stored,
                "a reader of {name} got {} instead of {} events; the first other one is {:?}",
                came.len(),
                stored.len(),
                differ.map(|at| (came[at], stored[at]))
            );
        }
        assert!(own.is_empty(), "a reader got what nobody sent: {:?}", own.keys());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What lies in a gap of a lane, as history has it.
async fn missed(store: &Arc<dyn Store>, lane: Lane, gap: &Gap) -> Got {
    let mut got = Got::default();
    let (mut next, begun) = (gap.from, Instant::now());
    loop {
        let page = match store.read(&ReadScope::Lane(lane), next, 1000, 1 << 20).await {
            Ok(page) => page,
            Err(Error::Closed) => return got,
            Err(error) => {
                assert!(error.is_retryable() && begun.elapsed() < BACK, "{error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let over = !page.more || page.next >= gap.to;
        got.gaps.extend(page.gaps.into_iter().filter(|lost| lost.from < gap.to));
        got.records.extend(page.records.into_iter().filter(|record| record.position() <= gap.to));
        next = page.next;
        if over {
            return got;
        }
    }
}
