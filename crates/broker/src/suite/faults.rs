//! Servers that come to harm under a broker with live readers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use headwater_events::{Event, Filter, Scope, Tenant};
use headwater_store::{
    GapReason,
    suite::{Harm, report},
};
use tokio::task::{JoinHandle, JoinSet};

use super::{
    Factory, Setup, Subject,
    kit::{self, id, ids, note, publish_notes, read_ids, stream},
    tape::{Tape, same},
};
use crate::{EventBroker, Start, StatusKind, Subscription};

const RUNS: usize = 10;
/// How many events each run has.
const EACH: usize = 200;
/// How long the broker may need to come back, and an event to be stored.
const BACK: Duration = Duration::from_secs(120);

/// A broker over a server that may be harmed, if there is one.
pub(super) async fn open(factory: &dyn Factory) -> Option<Box<dyn Subject>> {
    let subject = factory.make(Setup { harm: true, ..kit::setup() }).await;
    let Some(faults) = subject.faults() else {
        report::skip("there is no server behind the store");
        return None;
    };
    report::settings(&faults.settings());
    Some(subject)
}

/// Publishes one event until it is stored, and gives its cursor.
async fn until_stored(broker: &dyn EventBroker, event: &Event) -> headwater_events::Cursor {
    let start = Instant::now();
    loop {
        let answer = tokio::time::timeout(BACK, broker.publish(std::slice::from_ref(event))).await;
        match answer.expect("a publish is answered") {
            Ok(mut answer) => return answer.remove(0).cursor,
            Err(error) => assert!(error.is_retryable() && start.elapsed() < BACK, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The broker says that it is there.
async fn back(broker: &dyn EventBroker) {
    let mut status = broker.status();
    let ready = status.wait_for(|status| status.kind == StatusKind::Ready);
    let found = tokio::time::timeout(BACK, ready).await.map(|found| found.is_ok());
    assert_eq!(found, Ok(true), "the broker comes back");
}

fn run(n: usize) -> String {
    format!("fault-{n}")
}

/// Publishes every run to its end, one event after the other.
fn publishers(broker: &Arc<dyn EventBroker>) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for n in 0..RUNS {
        let (broker, answered) = (Arc::clone(broker), Arc::clone(&answered));
        tasks.spawn(async move {
            for i in 0..EACH {
                until_stored(&*broker, &note(&run(n), i)).await;
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    (tasks, answered)
}

/// A live reader that goes on until it has the last event of each of these runs.
async fn reader(broker: &Arc<dyn EventBroker>, scope: Scope, runs: Vec<String>) -> JoinHandle<Tape> {
    let mut tape = Tape::start(&**broker, Subscription::new(scope)).await;
    tokio::spawn(async move {
        for last in runs.iter().map(|run| id(run, EACH - 1)) {
            while !tape.events.iter().rev().any(|delivery| delivery.event().id() == last) {
                assert!(tape.step().await, "over before {last}; {}", tape.story());
            }
        }
        tape
    })
}

/// Runs are published and read live while the server comes to harm at one third and at two thirds.
async fn under(factory: &dyn Factory, harm: Harm) {
    let Some(subject) = open(factory).await else { return };
    let faults = subject.faults().expect("it was there");
    let broker = subject.broker();
    let all: Vec<_> = (0..RUNS).map(run).collect();
    let mut readers = Vec::new();
    for one in &all {
        readers.push(reader(&broker, stream(one), vec![one.clone()]).await);
    }
    let tenant = reader(&broker, Scope::Tenant(Tenant::default()), all.clone()).await;
    let (mut tasks, answered) = publishers(&broker);
    for third in [1, 2] {
        let start = Instant::now();
        while answered.load(Ordering::Relaxed) < RUNS * EACH * third / 3 {
            assert!(start.elapsed() < BACK, "the publishers do not get on");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !harm.to(faults).await {
            return report::skip(harm.cannot());
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a publisher");
    }
    back(&*broker).await;
    let recognizes = subject.capabilities().dedup_window.is_some();
    let tenant = tenant.await.expect("a reader of the tenant");
    for (one, reader) in all.iter().zip(readers) {
        let reader = reader.await.expect("a reader");
        let stored = read_ids(&*broker, &stream(one), &Filter::all(), Start::Earliest).await;
        if recognizes {
            same(&stored, &ids(one, 0..EACH));
        }
        // What was sent again and not recognized may come behind the last one.
        reader.is_exactly(&stored[..reader.events.len().clamp(EACH, stored.len())]);
        let of_tenant: Vec<_> = tenant.events.iter().filter(|d| d.event().stream() == one).collect();
        let of_tenant: Vec<_> = of_tenant.iter().map(|d| d.event().id()).collect();
        same(&of_tenant, &stored[..of_tenant.len().clamp(EACH, stored.len())]);
    }
    assert!(tenant.gaps.is_empty(), "nothing is lost; {}", tenant.story());
}

/// The server restarts twice: live readers get everything once, publishers who send again lose nothing.
pub async fn restarts_are_not_seen_by_readers(factory: &dyn Factory) {
    under(factory, Harm::Restart).await;
}

/// The server is killed twice: live readers get everything once.
pub async fn kills_are_not_seen_by_readers(factory: &dyn Factory) {
    under(factory, Harm::Kill).await;
}

/// The server stands still for some seconds, twice: live readers get everything once.
pub async fn pauses_are_not_seen_by_readers(factory: &dyn Factory) {
    let seconds = if std::env::var_os("HEADWATER_SOAK").is_some() { 30 } else { 5 };
    under(factory, Harm::Pause(Duration::from_secs(seconds))).await;
}

/// Connections are cut in the middle of replies, again and again: live readers get everything once.
pub async fn cut_connections_are_not_seen_by_readers(factory: &dyn Factory) {
    under(factory, Harm::Cut).await;
}

/// The log is replaced under live readers: they are told that the numbering is another one, and get what comes then.
pub async fn a_wiped_log_is_told_to_live_readers(factory: &dyn Factory) {
    let Some(subject) = open(factory).await else { return };
    let broker = subject.broker();
    let old = publish_notes(&*broker, "wiped", 0..20).await;
    let mut readers = Vec::new();
    for scope in [stream("wiped"), Scope::Tenant(Tenant::default())] {
        let mut reader = Tape::start(&*broker, Subscription::new(scope)).await;
        reader.events(20).await;
        reader.until_caught_up().await;
        readers.push(reader);
    }
    if !subject.faults().expect("it was there").wipe().await {
        return report::skip("the server's data cannot be taken");
    }
    for reader in &mut readers {
        // Somebody uses the broker meanwhile, or nobody would find out.
        let asked = async {
            loop {
                let _ = broker.cursor(&stream("wiped")).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = reader.until_gap() => {}
            () = asked => {}
        }
        assert_eq!(reader.gaps[0].reason, GapReason::Reset, "{}", reader.story());
    }
    for n in 20..30 {
        let cursor = until_stored(&*broker, &note("wiped", n)).await;
        assert_ne!(cursor.epoch(), old[0].epoch(), "another numbering");
    }
    for reader in &mut readers {
        reader.until(&id("wiped", 29)).await;
        same(&reader.ids(), &ids("wiped", 0..30));
        assert!(reader.gaps.iter().all(|gap| gap.reason == GapReason::Reset), "{}", reader.story());
    }
    for reader in &readers {
        assert_eq!(reader.gaps.len(), 1, "told once; {}", reader.story());
    }
    // A cursor from before is told the same, and gets everything there is.
    let mut late =
        Tape::start(&*broker, Subscription::new(stream("wiped")).start(Start::After(old[10].clone()))).await;
    late.until(&id("wiped", 29)).await;
    same(&late.ids(), &ids("wiped", 20..30));
    assert_eq!(late.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Reset]);
    back(&*broker).await;
}

/// A stream is deleted by the server's own means under a live reader: it gets what comes afterwards, and who comes
/// back from before is told what is missing.
pub async fn a_stream_deleted_under_a_reader_is_told(factory: &dyn Factory) {
    let Some(subject) = open(factory).await else { return };
    let broker = subject.broker();
    let old = publish_notes(&*broker, "under", 0..20).await;
    let mut live = Tape::start(&*broker, Subscription::new(stream("under"))).await;
    live.events(20).await;
    live.until_caught_up().await;
    let faults = subject.faults().expect("it was there");
    if !faults.delete_under(&Tenant::default(), &kit::name("under")).await {
        return report::skip("the server cannot delete a stream");
    }
    for n in 20..25 {
        until_stored(&*broker, &note("under", n)).await;
    }
    live.until(&id("under", 24)).await;
    let mut late =
        Tape::start(&*broker, Subscription::new(stream("under")).start(Start::After(old[4].clone()))).await;
    late.until(&id("under", 24)).await;
    same(&late.ids(), &ids("under", 20..25));
    assert!(!late.gaps.is_empty(), "what is missing is told; {}", late.story());
    let came = live.ids();
    same(&came, &ids("under", 0..25));
    back(&*broker).await;
}

/// An entry of somebody else in a stream is told as undecodable, and the reader goes on.
pub async fn foreign_entries_are_told(factory: &dyn Factory) {
    let Some(subject) = open(factory).await else { return };
    let broker = subject.broker();
    publish_notes(&*broker, "foreign", 0..5).await;
    let mut live = Tape::start(&*broker, Subscription::new(stream("foreign"))).await;
    live.until_caught_up().await;
    let faults = subject.faults().expect("it was there");
    if !faults.spoil(&Tenant::default(), &kit::name("foreign")).await {
        return report::skip("nobody else can write there");
    }
    for n in 5..10 {
        until_stored(&*broker, &note("foreign", n)).await;
    }
    let mut late = Tape::start(&*broker, Subscription::new(stream("foreign"))).await;
    for reader in [&mut live, &mut late] {
        reader.until(&id("foreign", 9)).await;
        same(&reader.ids(), &ids("foreign", 0..10));
        assert!(reader.gaps.iter().all(|gap| gap.reason == GapReason::Undecodable), "{}", reader.story());
    }
    assert_eq!(late.gaps.len(), 1, "who reads it is told; {}", late.story());
}
