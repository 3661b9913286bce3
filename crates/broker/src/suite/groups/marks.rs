//! Where groups begin, how far they are, and that they are none of each other's business.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use headwater_events::{GroupName, Tenant};

use super::kit::{drain, each, fetch, group, ids, make, nothing_left, quick, settle, worker};
use crate::{
    DeadLetterFilter, Error, Fetch, Group, GroupConfig, Refused, Settlement, Start, Verdict,
    suite::{
        Factory,
        kit::{self as suite_kit, delta, id, note, plain, publish, publish_all, tenant},
        pick::Pick,
    },
};

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
    let foreign = broker.cursor(&suite_kit::stream("a")).await.expect("a cursor");
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
