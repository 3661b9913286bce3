//! What the store makes of its topics, and of topics that are not as it needs them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use headwater_events::lane_of;
use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{
    Append, ClassesKey, Error, Event, EventLog, FollowItem, FollowScope, GapReason, Page, Position,
    ReadScope, StateStore, StatusKind, StreamName, Tenant,
};
use headwater_test_servers::{Kafka, aside};

use crate::kit::{Own, Past, topic};

const LANES: u16 = 3;
const SOON: Duration = Duration::from_secs(30);

fn tenant() -> Tenant {
    Tenant::default()
}

fn stream(name: &str) -> StreamName {
    name.parse().expect("a name")
}

fn event(name: &str, n: usize) -> Append {
    let event = Event::builder("/test", "test.event.v1").id(format!("{name}/{n}")).tenant(&tenant());
    let event = event.stream(&stream(name)).data(&serde_json::json!({ "n": n })).build().expect("an event");
    Append::new(event).expect("an event")
}

fn scope(name: &str) -> ReadScope {
    ReadScope::Stream(tenant(), stream(name), ClassesKey::All)
}

fn ids(page: &Page) -> Vec<&str> {
    page.records.iter().map(|record| record.event().id()).collect()
}

async fn server() -> (String, String) {
    let kafka = aside(Kafka::shared).await.expect("a server");
    (kafka.url(), kafka.address().to_string())
}

fn options(url: &str, topic: &str) -> KafkaOptions {
    let mut options = KafkaOptions::from_url(url).expect("a URL");
    topic.clone_into(&mut options.topic);
    options.lanes = LANES;
    options
}

async fn page(store: &KafkaStore, name: &str, after: Position) -> Page {
    store.read(&scope(name), after, 100, 1 << 20).await.expect("a page")
}

/// Any consumer of the topic can read it.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_cloud_events_for_everyone() {
    let ((url, server), topic) = (server().await, topic());
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    let sent = [event("a", 0), event("a", 1)];
    store.append(sent.to_vec()).await.unwrap();
    let lane = lane_of("default", "a", LANES);
    let past = Past::new(server, &topic, LANES);
    let seen = aside(move || past.consume(i32::from(lane.0), 2)).await;
    for (sent, (key, content_type, value)) in sent.iter().zip(seen) {
        assert_eq!((key.as_str(), content_type.as_str()), ("default/a", "application/cloudevents+json"));
        assert_eq!(Event::from_json(value).unwrap().json(), sent.event.json());
    }
    store.close().await.unwrap();
}

/// Another number of partitions is refused, with what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_partitions_is_fixed() {
    let ((url, _), topic) = (server().await, topic());
    KafkaStore::open(options(&url, &topic)).await.unwrap().close().await.unwrap();
    let mut other = options(&url, &topic);
    other.lanes = 4;
    let error = KafkaStore::open(other).await.unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    assert!(error.to_string().contains("3 partitions, not 4"), "{error}");
}

/// Topics that somebody else made are used if they are as they must be, and keep their epoch.
#[tokio::test(flavor = "multi_thread")]
async fn topics_of_others_are_checked() {
    let ((url, server), topic) = (server().await, topic());
    let past = Past::new(server, &topic, LANES);
    past.create(&topic, i32::from(LANES), &[]).await;
    past.create(&format!("{topic}-state"), 1, &[("cleanup.policy", "compact")]).await;
    let error = KafkaStore::open(options(&url, &topic)).await.unwrap_err();
    assert!(
        error.to_string().contains("message.timestamp.type=CreateTime: set it to LogAppendTime"),
        "{error}"
    );

    let (topic, state) = (format!("{topic}-b"), format!("{topic}-b-state"));
    past.create(&topic, i32::from(LANES), &[("message.timestamp.type", "LogAppendTime")]).await;
    past.create(&state, 1, &[("cleanup.policy", "compact")]).await;
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    let other = KafkaStore::open(options(&url, &topic)).await.unwrap();
    assert_eq!(store.epoch(), other.epoch(), "one log, one epoch");
    let epoch = store.epoch();
    store.append(vec![event("a", 0)]).await.unwrap();
    store.close().await.unwrap();
    other.close().await.unwrap();
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    assert_eq!((store.epoch(), ids(&page(&store, "a", Position::ZERO).await)), (epoch, vec!["a/0"]));
    store.close().await.unwrap();
}

/// Two processes on one topic see the same, at once.
#[tokio::test(flavor = "multi_thread")]
async fn two_stores_are_one() {
    let ((url, _), topic) = (server().await, topic());
    let open = || KafkaStore::open(options(&url, &topic));
    let (one, two) = (open().await.unwrap(), open().await.unwrap());
    for n in 0..20 {
        let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        writer.append(vec![event("a", n)]).await.unwrap();
        assert_eq!(page(reader, "a", Position::ZERO).await.records.len(), n + 1);
        assert_eq!(reader.run(&tenant(), &stream("a")).await.unwrap().unwrap().durable, n as u64 + 1);
        let version = reader.get("k").await.unwrap().map(|entry| entry.version);
        let next = writer.put("k", format!("{n}").into(), version).await.unwrap();
        let seen = reader.get("k").await.unwrap().unwrap();
        assert_eq!((seen.version, &seen.value[..]), (next, format!("{n}").as_bytes()));
        assert!(matches!(
            reader.put("k", "stale".into(), version).await,
            Err(Error::Conflict { found, .. }) if found == Some(next)
        ));
    }
    one.close().await.unwrap();
    two.close().await.unwrap();
}

/// A record of somebody else is told as a gap to those who read its stream, and the reader goes on.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_records_are_gaps() {
    let ((url, server), topic) = (server().await, topic());
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    let lane = lane_of("default", "a", LANES);
    let mut live = store.follow(&FollowScope::Lane(lane), Position::ZERO).await.unwrap();
    store.append(vec![event("a", 0)]).await.unwrap();
    let past = Past::new(server, &topic, LANES);
    for value in [&b"garbage"[..], br#"{"specversion":"1.0","id":"1","source":"/x","type":"t"}"#] {
        past.write(&tenant(), &stream("a"), value).await;
    }
    store.append(vec![event("a", 1)]).await.unwrap();
    let mut story = Vec::new();
    while story.len() < 4 {
        match tokio::time::timeout(SOON, live.next()).await.unwrap().unwrap().unwrap() {
            FollowItem::Batch(batch) => story.extend(batch.iter().map(|r| r.event().id().to_owned())),
            FollowItem::Gap(gap) => story.push(format!("{}..{} {}", gap.from, gap.to, gap.reason)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(story, ["a/0", "1..2 undecodable", "2..3 undecodable", "a/1"]);
    for scope in [scope("a"), ReadScope::Lane(lane), ReadScope::TenantLane(tenant(), lane)] {
        let page = store.read(&scope, Position::ZERO, 10, 1 << 20).await.unwrap();
        assert_eq!(ids(&page), ["a/0", "a/1"], "{scope:?}");
        let gaps: Vec<_> = page.gaps.iter().map(|gap| (gap.from.0, gap.to.0, gap.reason)).collect();
        assert_eq!(gaps, [(1, 3, GapReason::Undecodable)], "{scope:?}");
    }
    store.close().await.unwrap();
}

/// A lane may end in places without records, such as the markers of somebody else's transactions.
#[tokio::test(flavor = "multi_thread")]
async fn places_without_records_hold_nobody_up() {
    let ((url, server), topic) = (server().await, topic());
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    store.append(vec![event("a", 0)]).await.unwrap();
    let past = Past::new(server, &topic, LANES);
    aside(move || past.write_in_a_transaction(&tenant(), &stream("a"), b"garbage")).await;
    for store in [&store, &KafkaStore::open(options(&url, &topic)).await.unwrap()] {
        let page = page(store, "a", Position::ZERO).await;
        assert_eq!((ids(&page), page.more), (vec!["a/0"], false));
        assert_eq!(store.run(&tenant(), &stream("a")).await.unwrap().unwrap().durable, 1);
    }
    let next = store.append(vec![event("a", 1)]).await.unwrap()[0].position;
    assert!(next > Position(3), "behind the marker");
    assert_eq!(ids(&page(&store, "a", Position::ZERO).await), ["a/0", "a/1"]);
    store.close().await.unwrap();
}

/// Retention passes a reader: it is told, once, and goes on at what is left.
#[tokio::test(flavor = "multi_thread")]
async fn what_retention_took_is_told() {
    let ((url, server), topic) = (server().await, topic());
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    for n in 0..10 {
        store.append(vec![event("a", n)]).await.unwrap();
    }
    let lane = lane_of("default", "a", LANES);
    store.close().await.unwrap();
    Past::new(server, &topic, LANES).remove_before(i32::from(lane.0), 6).await;
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    for scope in [scope("a"), ReadScope::Lane(lane)] {
        let page = store.read(&scope, Position(2), 10, 1 << 20).await.unwrap();
        assert_eq!(ids(&page), ["a/6", "a/7", "a/8", "a/9"]);
        let gaps: Vec<_> = page.gaps.iter().map(|gap| (gap.from.0, gap.to.0, gap.reason)).collect();
        assert_eq!(gaps, [(2, 6, GapReason::Retention)], "{scope:?}");
        assert!(store.read(&scope, Position(6), 10, 1 << 20).await.unwrap().gaps.is_empty());
    }
    let run = store.run(&tenant(), &stream("a")).await.unwrap().unwrap();
    assert_eq!((run.removed, run.last, run.durable), (Position(6), Position(10), 10));
    store.close().await.unwrap();
}

/// The topic is deleted under a follower: it is told, the epoch is another one, and all goes on in a new topic.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_topic_is_a_reset() {
    let ((url, server), topic) = (server().await, topic());
    let store = KafkaStore::open(options(&url, &topic)).await.unwrap();
    let epoch = store.epoch();
    let lane = lane_of("default", "a", LANES);
    store.append((0..5).map(|n| event("a", n)).collect()).await.unwrap();
    let mut live = store.follow(&FollowScope::Lane(lane), Position(5)).await.unwrap();
    Past::new(server, &topic, LANES).delete().await;
    let item = tokio::time::timeout(SOON, live.next()).await.unwrap().unwrap().unwrap();
    let FollowItem::Gap(gap) = item else { panic!("{item:?}") };
    assert_eq!((gap.from, gap.to, gap.reason), (Position(5), Position::ZERO, GapReason::Reset));
    assert_ne!(store.epoch(), epoch);
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
    assert!(page(&store, "a", Position::ZERO).await.records.is_empty());
    assert_eq!(store.append(vec![event("a", 9)]).await.unwrap()[0].position, Position(1));
    let item = tokio::time::timeout(SOON, live.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(&item, FollowItem::Batch(batch) if batch[0].event().id() == "a/9"), "{item:?}");
    assert_eq!(ids(&page(&store, "a", Position::ZERO).await), ["a/9"]);
    store.close().await.unwrap();
}

/// The server is killed and started again while events are published: nothing that was answered is lost, the order is
/// kept, and the status tells of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing() {
    let own = aside(Own::start).await;
    let store = Arc::new(KafkaStore::open(options(&own.url(), "events")).await.unwrap());
    let mut status = store.status();
    let lane = lane_of("default", "a", LANES);
    let mut live = store.follow(&FollowScope::Lane(lane), Position::ZERO).await.unwrap();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 0..300 {
                store.append(vec![event("a", n)]).await.expect("it waits for the server");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let server = own.server();
    aside(move || server.kill()).await.unwrap();
    status.wait_for(|status| status.kind == StatusKind::Away).await.unwrap();
    assert!(!status.borrow().detail.is_empty());
    let server = own.server();
    aside(move || server.start()).await.unwrap();
    writer.await.unwrap();
    status.wait_for(|status| status.kind == StatusKind::Ready).await.unwrap();
    let wanted: Vec<_> = (0..300).map(|n| format!("a/{n}")).collect();
    let mut followed = Vec::new();
    while followed.len() < 300 {
        match tokio::time::timeout(SOON, live.next()).await.unwrap().unwrap().unwrap() {
            FollowItem::Batch(batch) => followed.extend(batch.iter().map(|r| r.event().id().to_owned())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(followed, wanted);
    let page = store.read(&scope("a"), Position::ZERO, 1000, 1 << 20).await.unwrap();
    assert_eq!(ids(&page), wanted);
    store.close().await.unwrap();
}

/// No server, a wrong password, a server that asks for one: said in time, with the server's address and without the
/// password.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    let users = headwater_test_servers::KafkaOptions::default().user("me", "right");
    let kafka = aside(move || Kafka::start(users)).await.unwrap();
    let address = kafka.address();
    let open = |url: String| async move {
        let mut options = options(&url, "events");
        options.request_timeout = Duration::from_secs(5);
        KafkaStore::open(options).await
    };
    let store = open(kafka.url()).await.unwrap();
    store.append(vec![event("a", 0)]).await.unwrap();
    store.close().await.unwrap();
    let wrong = open(format!("kafka://me:secret@{address}")).await.unwrap_err();
    assert!(matches!(wrong, Error::Config { .. }), "{wrong:?}");
    let none = open(format!("kafka://{address}")).await.unwrap_err();
    let nobody = open("kafka://me:secret@127.0.0.1:9".to_owned()).await.unwrap_err();
    assert!(matches!(nobody, Error::Unavailable { .. }), "{nobody:?}");
    for (error, server) in
        [(wrong, address.to_string()), (none, address.to_string()), (nobody, "127.0.0.1:9".into())]
    {
        println!("{error}");
        let error = error.to_string();
        assert!(error.contains(&server) && !error.contains("secret"), "{error}");
    }
    // Everything is for the superuser only, who comes from inside.
    let users = headwater_test_servers::KafkaOptions::default()
        .user("me", "right")
        .property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .property("super.users", "User:ANONYMOUS");
    let strict = aside(move || Kafka::start(users)).await.unwrap();
    let refused = open(strict.url()).await.unwrap_err();
    println!("{refused}");
    assert!(matches!(refused, Error::Config { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("may not create it: create `events` with 3 partitions"),
        "{refused}"
    );
    let scram = open(format!("kafka://me:secret@{address}?sasl=scram-sha-256")).await.unwrap_err();
    assert!(cfg!(feature = "tls") || scram.to_string().contains("`kafka-tls`"), "{scram}");
}
