//! Publishers that send again what was not answered.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use headwater_events::{Class, Mark, Position};
use tokio::task::JoinSet;

use super::{
    super::{
        case::{event, stream, tenant},
        checks::{Got, read_all},
    },
    reader::Reader,
};
use crate::{Append, Appended, ClassesKey, Error, ReadScope, Store};

const PUBLISHERS: usize = 20;
/// How long one event may take to be stored, however the server is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Twenty publishers, each with a stream of its own, in two tenants.
pub(super) struct Load {
    tasks: JoinSet<(usize, Vec<Position>)>,
    answered: Arc<AtomicUsize>,
    each: usize,
}

fn one(publisher: usize, n: usize) -> Append {
    let of = ["default", "other"][publisher % 2];
    event(of, &format!("load-{publisher}"), n, Class::Durable, Mark::None)
}

/// Sends an event until it is stored.
pub(super) async fn until_stored(store: &Arc<dyn Store>, one: &Append) -> Appended {
    let start = Instant::now();
    loop {
        let answer = tokio::time::timeout(PATIENCE, store.append(vec![one.clone()])).await;
        match answer.expect("an append is answered") {
            Ok(answer) => return answer[0],
            Err(Error::Closed) => panic!("a store that was away comes back by itself"),
            Err(error) => assert!(error.is_retryable() && start.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Load {
    /// Begins to publish so many events in all.
    pub(super) fn start(store: &Arc<dyn Store>, events: usize) -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let each = events / PUBLISHERS;
        let mut tasks = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let (store, answered) = (Arc::clone(store), Arc::clone(&answered));
            tasks.spawn(async move {
                let mut own = Vec::with_capacity(each);
                for n in 0..each {
                    own.push(until_stored(&store, &one(publisher, n)).await.position);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                (publisher, own)
            });
        }
        Self { tasks, answered, each }
    }

    /// Waits until so many twelfths of all events were answered.
    pub(super) async fn twelfths(&self, part: usize) {
        let start = Instant::now();
        while self.answered.load(Ordering::Relaxed) < PUBLISHERS * self.each * part / 12 {
            assert!(start.elapsed() < 2 * PATIENCE, "the publishers do not get on");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until all events were answered; then every reader must get what there is, once and in order.
    pub(super) async fn check(mut self, store: &Arc<dyn Store>, readers: Vec<Reader>) {
        let mut history: HashMap<String, Got> = HashMap::new();
        while let Some(done) = self.tasks.join_next().await {
            let (publisher, answered) = done.expect("a publisher");
            let first = one(publisher, 0);
            let all = self.history(store, publisher, &answered).await;
            history.insert(first.stream.to_string(), all);
        }
        for reader in readers {
            reader.has_exactly(&history).await;
        }
    }

    /// What is stored of one publisher, checked against what was answered.
    async fn history(&self, store: &Arc<dyn Store>, publisher: usize, answered: &[Position]) -> Got {
        let first = one(publisher, 0);
        let scope = ReadScope::Stream(first.tenant, first.stream.clone(), ClassesKey::All);
        let all = read_all(store, &scope).await;
        let name = &first.stream;
        assert!(all.gaps.is_empty(), "nothing of {name} is lost: {:?}", all.gaps);
        let mut places: HashMap<&str, Vec<Position>> = HashMap::new();
        let mut order = Vec::new();
        for record in &all.records {
            let copies = places.entry(record.event().id()).or_default();
            if copies.is_empty() {
                order.push(record.event().id().to_owned());
            }
            copies.push(record.position());
        }
        let sent: Vec<_> = (0..self.each).map(|n| one(publisher, n).event.id().to_owned()).collect();
        assert_eq!(order, sent, "all of {name}, in order");
        for (n, position) in answered.iter().enumerate() {
            let copies = &places[sent[n].as_str()];
            assert!(copies.contains(position), "{} stands at {copies:?}, answered was {position}", sent[n]);
            assert!(
                copies.len() == 1 || store.capabilities().dedup_window.is_none(),
                "{} is stored at {copies:?}",
                sent[n]
            );
        }
        let of = tenant(["default", "other"][publisher % 2]);
        let run = store.run(&of, &stream(name.as_str())).await.expect("a call").expect("a record");
        assert_eq!(run.durable, all.records.len() as u64, "the record of {name} counts what is stored");
        all
    }
}
