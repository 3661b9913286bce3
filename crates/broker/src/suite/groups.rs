//! Consumer groups: each event to one worker, in order inside its run, until it is settled.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use headwater_events::{GroupName, Tenant};

use super::{
    Factory,
    kit::{delta, id, note, plain, publish, publish_all, tenant},
    pick::Pick,
};
use crate::{
    AfterDeadLetter, DeadLetterFilter, Error, EventBroker, Fetch, Fetched, Group, GroupConfig, Leased,
    Refused, Settlement, Start, Verdict, WorkerName,
};

const LEASE: Duration = Duration::from_millis(600);

fn worker(name: &str) -> WorkerName {
    WorkerName::new(name.to_owned()).expect("a worker's name")
}

fn group(name: &str) -> Group {
    Group::of(Tenant::default(), GroupName::new(name.to_owned()).expect("a group's name"))
}

fn quick() -> GroupConfig {
    GroupConfig { lease: LEASE, max_attempts: 3, ..GroupConfig::default() }
}

async fn make(broker: &dyn EventBroker, name: &str) -> Group {
    let group = group(name);
    assert!(broker.put_group(&group, Start::Earliest, quick()).await.expect("a group"), "it is new");
    group
}

async fn fetch(broker: &dyn EventBroker, group: &Group, name: &str, max: usize) -> Fetched {
    let wait = Duration::from_millis(200);
    let fetch = Fetch { worker: worker(name), session: None, max, wait };
    broker.fetch(group, fetch).await.expect("an answer")
}

fn ids(deliveries: &[Leased]) -> Vec<&str> {
    deliveries.iter().map(|leased| leased.event().id()).collect()
}

fn each(deliveries: &[Leased], verdict: &Verdict) -> Vec<Settlement> {
    deliveries.iter().map(|leased| Settlement { lease: leased.lease, verdict: verdict.clone() }).collect()
}

async fn settle(broker: &dyn EventBroker, group: &Group, deliveries: &[Leased], verdict: &Verdict) {
    let results = broker.settle(group, each(deliveries, verdict)).await.expect("an answer");
    assert!(results.iter().all(Result::is_ok), "held leases are settled: {results:?}");
}

/// Fetches and acks as one worker until `n` events have come.
async fn drain(broker: &dyn EventBroker, group: &Group, name: &str, n: usize) -> Vec<Leased> {
    let mut all = Vec::new();
    let start = tokio::time::Instant::now();
    while all.len() < n {
        assert!(start.elapsed() < super::PATIENCE, "{} of {n} came: {:?}", all.len(), ids(&all));
        let fetched = fetch(broker, group, name, 64).await;
        assert!(fetched.gaps.is_empty(), "nothing is missing: {:?}", fetched.gaps);
        settle(broker, group, &fetched.deliveries, &Verdict::Ack).await;
        all.extend(fetched.deliveries);
    }
    all
}

/// Nothing more comes.
async fn nothing_left(broker: &dyn EventBroker, group: &Group, name: &str) {
    let fetched = fetch(broker, group, name, 64).await;
    assert!(fetched.deliveries.is_empty(), "nothing is left: {:?}", ids(&fetched.deliveries));
}

/// Every durable event comes once, in the order of its run; deltas are not offered.
pub async fn every_event_comes_once_in_the_order_of_its_run(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "once").await;
    let mut events = Vec::new();
    for n in 0..40 {
        for run in 0..5 {
            let run = format!("r{run}");
            events.push(if n % 4 == 3 { delta(&run, n, "p", "t") } else { note(&run, n) });
        }
    }
    publish_all(&*broker, &events).await;
    let got = drain(&*broker, &group, "w", 150).await;
    nothing_left(&*broker, &group, "w").await;
    let mut by_run = BTreeMap::<&str, Vec<&str>>::new();
    for leased in &got {
        assert_eq!(leased.attempt, 1, "tried once");
        by_run.entry(leased.event().stream()).or_default().push(leased.event().id());
    }
    for (run, ids) in by_run {
        let want: Vec<_> = (0..40).filter(|n| n % 4 != 3).map(|n| id(run, n)).collect();
        super::tape::same(&ids, &want);
    }
}

/// One event of a run is with a worker at a time; the next comes when it is settled.
pub async fn one_event_of_a_run_at_a_time(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "one").await;
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0), note("a", 2)]).await;
    let mut first = Vec::new();
    while first.len() < 2 {
        first.extend(fetch(&*broker, &group, "w", 10).await.deliveries);
    }
    assert_eq!(ids(&first).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["a/0", "b/0"]));
    nothing_left(&*broker, &group, "w").await;
    for n in 1..3 {
        let last =
            first.iter().find(|leased| leased.event().stream() == "a").cloned().expect("the run's event");
        settle(&*broker, &group, &[last], &Verdict::Ack).await;
        first = fetch(&*broker, &group, "w", 10).await.deliveries;
        assert_eq!(ids(&first), [id("a", n)]);
    }
}

/// A retry comes after its time with one more attempt, before what follows in its run, while other runs go on.
pub async fn a_retry_keeps_the_order_of_its_run(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "retry").await;
    publish(&*broker, &[note("a", 0), note("a", 1)]).await;
    let first = fetch(&*broker, &group, "w", 1).await.deliveries;
    assert_eq!((ids(&first), first[0].attempt), (vec!["a/0"], 1));
    settle(&*broker, &group, &first, &Verdict::Retry { after: Duration::ZERO, reason: None }).await;
    let second = fetch(&*broker, &group, "w", 1).await.deliveries;
    assert_eq!((ids(&second), second[0].attempt), (vec!["a/0"], 2), "the same again");
    settle(&*broker, &group, &second, &Verdict::Retry { after: Duration::from_secs(3600), reason: None })
        .await;
    publish(&*broker, &[note("b", 0)]).await;
    let other = drain(&*broker, &group, "w", 1).await;
    assert_eq!(ids(&other), ["b/0"], "another run goes on");
    nothing_left(&*broker, &group, "w").await;
    let late = broker.settle(&group, each(&first, &Verdict::Ack)).await.expect("an answer");
    assert_eq!(late, [Err(Refused::NotHeld)], "the lease of an earlier attempt is not held");
}

/// What is released comes again at once, with the attempt not spent.
pub async fn a_release_spends_no_attempt(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "release").await;
    publish(&*broker, &[note("a", 0)]).await;
    for _ in 0..5 {
        let got = fetch(&*broker, &group, "w", 1).await.deliveries;
        assert_eq!((ids(&got), got[0].attempt), (vec!["a/0"], 1));
        settle(&*broker, &group, &got, &Verdict::Release).await;
    }
}

/// After its attempts, or at once when it is rejected, an event is a dead letter with everything that an operator
/// needs, and its run goes on.
pub async fn what_cannot_be_handled_is_dead_lettered(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "dead").await;
    let published = publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut tries = 0;
    let mut left = BTreeSet::from(["a/1".to_owned()]);
    let start = tokio::time::Instant::now();
    while !left.is_empty() {
        assert!(start.elapsed() < super::PATIENCE, "{left:?} has not come");
        for leased in fetch(&*broker, &group, "w", 10).await.deliveries {
            let verdict = match leased.event().id() {
                "a/0" => {
                    tries += 1;
                    assert_eq!(leased.attempt, tries);
                    Verdict::Retry { after: Duration::ZERO, reason: Some("no luck".to_owned()) }
                }
                "b/0" => Verdict::Reject { reason: "cannot be read".to_owned() },
                other => {
                    assert!(left.remove(other), "{other} comes once");
                    Verdict::Ack
                }
            };
            settle(&*broker, &group, &[leased], &verdict).await;
        }
    }
    assert_eq!(tries, 3, "every attempt was made");
    let all = DeadLetterFilter::default();
    let letters =
        broker.dead_letters(&group, &all, headwater_events::Position::ZERO, 10).await.expect("letters");
    let by_id: HashMap<_, _> = letters.iter().map(|letter| (letter.event.id(), letter)).collect();
    assert_eq!(by_id.len(), 2, "{letters:?}");
    let (a, b) = (by_id["a/0"], by_id["b/0"]);
    assert_eq!(
        (a.reason.as_str(), a.attempts, a.source_position),
        ("no luck", 3, published[0].cursor.position())
    );
    assert_eq!((b.reason.as_str(), b.attempts), ("cannot be read", 1));
    let stored = super::kit::read_ids(
        &*broker,
        &super::kit::stream("a"),
        &headwater_events::Filter::all(),
        Start::Earliest,
    )
    .await;
    assert_eq!(stored, ["a/0", "a/1"], "the run's stream is as it was");
    assert_eq!(a.event.json()[..], note_json(&*broker).await[..], "byte for byte");
    let info = broker.group(&group).await.expect("an answer").expect("a group");
    assert_eq!((info.dead_letters, info.in_flight, info.waiting, info.parked), (2, 0, 0, 0));
    let streams = broker.streams(&Tenant::default(), None, 10).await.expect("streams");
    assert!(streams.iter().all(|info| !info.stream.is_reserved()), "dead letters are no run: {streams:?}");
}

async fn note_json(broker: &dyn EventBroker) -> Vec<u8> {
    let page =
        broker.read(&super::kit::stream("a"), &headwater_events::Filter::all(), Start::Earliest, 1).await;
    page.expect("a page").events[0].event().json().to_vec()
}

/// A dead letter lives again with all its attempts, in the order of its run, and only once.
pub async fn a_replayed_letter_lives_again(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "replay").await;
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut seen = 0;
    while seen < 3 {
        let got = fetch(&*broker, &group, "w", 10).await.deliveries;
        seen += got.len();
        settle(&*broker, &group, &got, &Verdict::Reject { reason: "not now".to_owned() }).await;
    }
    let of_a = DeadLetterFilter { stream: Some(super::kit::name("a")), ..DeadLetterFilter::default() };
    assert_eq!(broker.replay(&group, &of_a).await.expect("a replay"), 2);
    assert_eq!(broker.replay(&group, &of_a).await.expect("a replay"), 0, "doing it again does nothing");
    for n in 0..2 {
        let got = fetch(&*broker, &group, "w", 10).await.deliveries;
        assert_eq!(ids(&got), [id("a", n)], "in order");
        assert_eq!(got[0].attempt, 1, "with all its attempts");
        assert!(got[0].replay_of.is_some(), "it says that it is another life");
        settle(&*broker, &group, &got, &Verdict::Ack).await;
    }
    nothing_left(&*broker, &group, "w").await;
    let all = DeadLetterFilter::default();
    assert_eq!(broker.discard(&group, &all).await.expect("a discard"), 1);
    assert_eq!(broker.discard(&group, &all).await.expect("a discard"), 0);
    publish(&*broker, &[note("a", 2)]).await;
    assert_eq!(ids(&drain(&*broker, &group, "w", 1).await), ["a/2"]);
}

/// With `park` a run waits for its dead letter, and others do not.
pub async fn a_parked_run_waits_for_its_letter(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = group("park");
    let config = GroupConfig { after_dead_letter: AfterDeadLetter::Park, ..quick() };
    broker.put_group(&group, Start::Earliest, config).await.expect("a group");
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut rest = BTreeSet::from(["a/0", "b/0"]);
    while !rest.is_empty() {
        for leased in fetch(&*broker, &group, "w", 10).await.deliveries {
            assert!(rest.remove(leased.event().id()), "{} has not its turn", leased.event().id());
            let reject = leased.event().stream() == "a";
            let verdict = if reject { Verdict::Reject { reason: "no".to_owned() } } else { Verdict::Ack };
            settle(&*broker, &group, &[leased], &verdict).await;
        }
    }
    nothing_left(&*broker, &group, "w").await;
    assert_eq!(broker.group(&group).await.expect("an answer").expect("a group").parked, 1);
    assert_eq!(broker.replay(&group, &DeadLetterFilter::default()).await.expect("a replay"), 1);
    let got = drain(&*broker, &group, "w", 2).await;
    assert_eq!(ids(&got), ["a/0", "a/1"]);
}

/// Workers that come get their share of the lanes, those that go leave theirs, and no event is with two of them.
pub async fn workers_share_and_come_and_go(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "share").await;
    let events: Vec<_> = (0..600).map(|n| note(&format!("r{}", n % 60), n)).collect();
    publish_all(&*broker, &events).await;
    let mut tasks = Vec::new();
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(events.len()));
    for n in 0..4u64 {
        let (broker, group, left) = (Arc::clone(&broker), group.clone(), Arc::clone(&left));
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60 * n)).await;
            let name = format!("w{n}");
            let mut got = Vec::new();
            while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
                let deliveries = fetch(&*broker, &group, &name, 5).await.deliveries;
                settle(&*broker, &group, &deliveries, &Verdict::Ack).await;
                left.fetch_sub(deliveries.len(), std::sync::atomic::Ordering::SeqCst);
                got.extend(ids(&deliveries).into_iter().map(str::to_owned));
                if n == 3 && got.len() > 20 {
                    broker.leave(&group, &worker(&name)).await.expect("it may go");
                    break;
                }
            }
            got
        }));
    }
    let mut all = Vec::new();
    let mut busy = 0;
    for task in tasks {
        let got = task.await.expect("a worker");
        busy += usize::from(!got.is_empty());
        all.extend(got);
    }
    assert!(busy > 1, "the work was shared");
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((all.len(), count), (600, 600), "each event to one worker, once");
}

/// What a worker had that died comes to another one, with an attempt spent; what the dead one says later is refused.
pub async fn a_dead_workers_events_are_taken_over(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "over").await;
    let events: Vec<_> = (0..10).map(|n| note(&format!("r{n}"), n)).collect();
    publish(&*broker, &events).await;
    let mut held = Vec::new();
    while held.len() < 10 {
        held.extend(fetch(&*broker, &group, "dies", 10).await.deliveries);
    }
    let mut again = Vec::new();
    let start = tokio::time::Instant::now();
    while again.len() < 10 {
        assert!(start.elapsed() < super::PATIENCE, "{} of 10 were taken over", again.len());
        let got = fetch(&*broker, &group, "lives", 10).await.deliveries;
        settle(&*broker, &group, &got, &Verdict::Ack).await;
        again.extend(got);
    }
    let fences: HashMap<_, _> = held.iter().map(|leased| (leased.event().id(), leased.fence)).collect();
    for leased in &again {
        assert_eq!(leased.attempt, 2, "one attempt was spent");
        assert!(leased.fence >= fences[leased.event().id()], "fences grow");
    }
    let late = broker.settle(&group, each(&held, &Verdict::Ack)).await.expect("an answer");
    assert!(late.iter().all(|result| *result == Err(Refused::NotHeld)), "{late:?}");
    nothing_left(&*broker, &group, "lives").await;
}

/// A handler that takes longer than the lease keeps its event as long as it says so.
pub async fn an_extended_lease_is_kept(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    // Long enough for a slow server to answer several times within it.
    let lease = 3 * LEASE;
    let group = group("extend");
    let config = GroupConfig { lease, ..quick() };
    assert!(broker.put_group(&group, Start::Earliest, config).await.expect("a group"), "it is new");
    publish(&*broker, &[note("a", 0)]).await;
    let got = fetch(&*broker, &group, "slow", 1).await.deliveries;
    assert_eq!(ids(&got), ["a/0"]);
    for _ in 0..9 {
        tokio::time::sleep(lease / 6).await;
        let extended = broker.extend(&group, &[got[0].lease]).await.expect("an answer");
        assert_eq!(extended, [Ok(())]);
        let other = fetch(&*broker, &group, "other", 1).await.deliveries;
        assert!(other.is_empty(), "it stays where it is");
    }
    settle(&*broker, &group, &got, &Verdict::Ack).await;
    nothing_left(&*broker, &group, "other").await;
}

/// Groups see every event each, whatever another group makes of it, and only those of their tenant.
pub async fn groups_are_independent(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let (one, two) = (make(&*broker, "g1").await, make(&*broker, "g2").await);
    let foreign = Group::of(tenant("ten-b"), one.name.clone());
    broker.put_group(&foreign, Start::Earliest, quick()).await.expect("a group");
    publish(&*broker, &[note("a", 0), note("a", 1)]).await;
    let other = note("a", 7).to_builder().tenant(&tenant("ten-b")).build().expect("a good event");
    publish(&*broker, &[other]).await;
    for _ in 0..3 {
        let got = fetch(&*broker, &one, "w", 1).await.deliveries;
        assert_eq!(ids(&got), ["a/0"]);
        settle(&*broker, &one, &got, &Verdict::Retry { after: Duration::ZERO, reason: None }).await;
    }
    assert_eq!(ids(&drain(&*broker, &two, "w", 2).await), ["a/0", "a/1"]);
    assert_eq!(ids(&drain(&*broker, &foreign, "w", 1).await), ["a/7"]);
    assert_eq!(ids(&drain(&*broker, &one, "w", 1).await), ["a/1"]);
    let names =
        |infos: Vec<crate::GroupInfo>| infos.iter().map(|info| info.group.to_string()).collect::<Vec<_>>();
    assert_eq!(names(broker.groups(Some(&Tenant::default())).await.expect("groups")), ["g1", "g2"]);
    assert_eq!(names(broker.groups(Some(&tenant("ten-b"))).await.expect("groups")), ["g1"]);
    let letters =
        broker.dead_letters(&two, &DeadLetterFilter::default(), headwater_events::Position::ZERO, 10).await;
    assert!(letters.expect("letters").is_empty());
}

/// A group of all tenants sees the durable events of each.
pub async fn a_group_may_cover_all_tenants(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let all = Group::of_all(GroupName::new("all").expect("a name"));
    broker.put_group(&all, Start::Earliest, quick()).await.expect("a group");
    let mut want = BTreeSet::new();
    for name in ["ten-a", "ten-b"] {
        let event = note(name, 0).to_builder().tenant(&tenant(name)).build().expect("a good event");
        publish(&*broker, &[event]).await;
        want.insert(id(name, 0));
    }
    let mut got = BTreeSet::new();
    while got.len() < 2 {
        let deliveries = fetch(&*broker, &all, "w", 10).await.deliveries;
        let reject = Verdict::Reject { reason: "no".to_owned() };
        settle(&*broker, &all, &deliveries, &reject).await;
        got.extend(ids(&deliveries).into_iter().map(str::to_owned));
    }
    assert_eq!(got, want);
    let letters =
        broker.dead_letters(&all, &DeadLetterFilter::default(), headwater_events::Position::ZERO, 10).await;
    assert_eq!(letters.expect("letters").len(), 2, "those of every tenant are found");
    assert!(broker.groups(Some(&tenant("ten-a"))).await.expect("groups").is_empty(), "no tenant sees it");
}

/// A group begins where it was told to, and a deleted one is gone with its marks.
pub async fn a_group_begins_where_it_is_told(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    publish(&*broker, &[note("a", 0), note("b", 0)]).await;
    let cursor = broker.cursor(&headwater_events::Scope::Tenant(Tenant::default())).await.expect("a cursor");
    publish(&*broker, &[note("a", 1)]).await;
    let (live, after) = (group("live"), group("after"));
    broker.put_group(&live, Start::Live, quick()).await.expect("a group");
    broker.put_group(&after, Start::After(cursor), quick()).await.expect("a group");
    let foreign = broker.cursor(&super::kit::stream("a")).await.expect("a cursor");
    let refused = broker.put_group(&group("x"), Start::After(foreign), quick()).await;
    assert!(matches!(refused, Err(Error::ForeignCursor)), "{refused:?}");
    publish(&*broker, &[note("a", 2)]).await;
    assert_eq!(ids(&drain(&*broker, &live, "w", 1).await), ["a/2"]);
    assert_eq!(ids(&drain(&*broker, &after, "w", 2).await), ["a/1", "a/2"]);
    assert!(
        !broker.put_group(&after, Start::Earliest, quick()).await.expect("a group"),
        "it is there already"
    );
    nothing_left(&*broker, &after, "w").await;
    assert!(broker.delete_group(&after).await.expect("a deletion"));
    assert!(!broker.delete_group(&after).await.expect("a deletion"));
    let wait = Duration::from_millis(10);
    let gone = broker.fetch(&after, Fetch { worker: worker("w"), session: None, max: 1, wait }).await;
    assert!(matches!(gone, Err(Error::NoGroup)), "{gone:?}");
    broker.put_group(&after, Start::Earliest, quick()).await.expect("a group");
    assert_eq!(drain(&*broker, &after, "w", 4).await.len(), 4, "it begins anew");
}

/// A group goes on where it was after a restart.
pub async fn a_group_survives_a_restart(factory: &dyn Factory) {
    let mut subject = plain(factory).await;
    if !subject.capabilities().durable {
        println!("not tested: the store is not durable");
        return;
    }
    let broker = subject.broker();
    let group = make(&*broker, "restart").await;
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0), note("b", 1)]).await;
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(fetch(&*broker, &group, "w", 10).await.deliveries);
    }
    let (a, b): (Vec<_>, Vec<_>) = got.into_iter().partition(|leased| leased.event().stream() == "a");
    settle(&*broker, &group, &a, &Verdict::Ack).await;
    settle(&*broker, &group, &b, &Verdict::Retry { after: Duration::ZERO, reason: None }).await;
    drop(broker);
    subject.restart().await;
    let broker = subject.broker();
    let got = drain(&*broker, &group, "w2", 3).await;
    let attempts: BTreeMap<_, _> = got.iter().map(|leased| (leased.event().id(), leased.attempt)).collect();
    assert_eq!(attempts, BTreeMap::from([("a/1", 1), ("b/0", 2), ("b/1", 1)]));
}

/// Random failures with many workers: inside a run nothing goes backwards, and everything is handled.
pub async fn order_holds_through_random_failures(factory: &dyn Factory) {
    let mut pick = Pick::new("order_holds_through_random_failures");
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = group("random");
    let config = GroupConfig { max_attempts: 1000, ..quick() };
    broker.put_group(&group, Start::Earliest, config).await.expect("a group");
    let events: Vec<_> = (0..640).map(|n| note(&format!("k{}", n % 64), n / 64)).collect();
    publish_all(&*broker, &events).await;
    let mut next = HashMap::<String, usize>::new();
    let mut done = 0;
    while done < events.len() {
        let name = format!("w{}", pick.below(8));
        let deliveries = fetch(&*broker, &group, &name, 20).await.deliveries;
        let mut settlements = Vec::new();
        for leased in &deliveries {
            let run = leased.event().stream().to_owned();
            let at = next.entry(run.clone()).or_default();
            assert_eq!(leased.event().id(), id(&run, *at), "in order");
            let fails = pick.below(10) == 0;
            *at += usize::from(!fails);
            done += usize::from(!fails);
            let retry = Verdict::Retry { after: Duration::ZERO, reason: None };
            settlements
                .push(Settlement { lease: leased.lease, verdict: if fails { retry } else { Verdict::Ack } });
        }
        let results = broker.settle(&group, settlements).await.expect("an answer");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
}

/// The lag is what was published and not acked, at every step; settling what was never delivered is refused.
pub async fn lag_is_what_is_not_acked(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "lag").await;
    let lag = async || broker.group(&group).await.expect("an answer").expect("a group").lag_events;
    let told = subject.capabilities().lag.then_some(0);
    assert_eq!(lag().await, told);
    publish(&*broker, &[note("a", 0), note("a", 1), delta("a", 2, "p", "t"), note("b", 0)]).await;
    assert_eq!(lag().await, told.map(|_| 3), "deltas are not counted");
    let mut left = 3;
    while left > 0 {
        let got = fetch(&*broker, &group, "w", 1).await.deliveries;
        assert_eq!(lag().await, told.map(|_| left), "delivered is not acked");
        settle(&*broker, &group, &got, &Verdict::Ack).await;
        left -= got.len() as u64;
        assert_eq!(lag().await, told.map(|_| left));
        let again = broker.settle(&group, each(&got, &Verdict::Ack)).await.expect("an answer");
        assert!(again.iter().all(|result| *result == Err(Refused::NotHeld)), "{again:?}");
    }
}
