//! Servers that will not do, and what others do to our keys.

use std::time::Duration;

use crate::common::{command, event, ids, namespace, of, scope, until_stored};
use futures_util::StreamExt;
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{
    Class, Error, EventLog, FollowItem, FollowScope, GapReason, Position, ReadScope, StateStore, StatusKind,
    Tenant,
};
use headwater_test_servers::{Redis, RedisOptions as ServerOptions, aside, need};

async fn start(options: ServerOptions) -> Option<Redis> {
    aside(move || need(Redis::start(options))).await
}

async fn refused(url: &str) -> String {
    match RedisStore::connect(url, RedisOptions::default()).await {
        Err(Error::Config { reason }) => reason,
        other => panic!("a refusal, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_refused() {
    let Some(redis) = start(ServerOptions::default().cluster()).await else { return };
    let reason = refused(&redis.url()).await;
    assert!(reason.contains("cluster") && reason.contains("redis+sentinel://"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicting_server_is_refused() {
    let Some(redis) = start(ServerOptions::default().maxmemory_policy("allkeys-lru")).await else { return };
    let reason = refused(&redis.url()).await;
    assert!(reason.contains("maxmemory-policy to noeviction") && reason.contains("allkeys-lru"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it() {
    let Some(redis) = start(ServerOptions::default().password("right-one")).await else { return };
    let address = redis.address();
    for url in [format!("redis://:wrong-one@{address}"), format!("redis://{address}")] {
        let reason = refused(&url).await;
        assert!(reason.contains(&address.to_string()) && reason.contains("password"), "{reason}");
        assert!(!reason.contains("wrong-one"), "{reason}");
    }
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    assert!(!store.status().borrow().detail.contains("right-one"));
    assert!(!format!("{store:?}").contains("right-one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_to_a_server_without_it_fails_with_its_address() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let url = redis.url().replace("redis://", "rediss://");
    let error = RedisStore::connect(&url, RedisOptions::default()).await.unwrap_err().to_string();
    assert!(error.contains(&redis.address().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_file_is_not_durable() {
    let Some(redis) = start(ServerOptions::default().appendonly(false)).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    assert!(!store.capabilities().durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_events_and_lets_read() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    store.append(vec![event("a", 0)]).await.unwrap();
    command(&redis.url(), &["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = store.append(vec![event("a", 1)]).await.unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    let page = store.read(&scope("a"), Position::ZERO, 10, 1 << 20).await.unwrap();
    assert_eq!(ids(&page.records), ["a/0"]);
    command(&redis.url(), &["CONFIG", "SET", "maxmemory", "0"]).await;
    store.append(vec![event("a", 1)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_others_are_told_and_passed() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let url = redis.url();
    let store = RedisStore::connect(&url, RedisOptions::default()).await.unwrap();
    for n in 0..3 {
        store.append(vec![event("a", n)]).await.unwrap();
        for key in ["hw:s:default:a:d", "hw:t:default", "hw:f:default", "hw:o:d"] {
            command(&url, &["XADD", key, "*", "data", "none of ours"]).await;
        }
    }
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    store.append(vec![event("a", 3)]).await.unwrap();
    for scope in [scope("a"), ReadScope::Tenant(Tenant::default())] {
        let page = store.read(&scope, Position::ZERO, 10, 1 << 20).await.unwrap();
        assert_eq!(ids(&page.records), ["a/0", "a/1", "a/2", "a/3"]);
        assert_eq!(page.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Undecodable]);
        let again = store.read(&scope, page.next, 10, 1 << 20).await.unwrap();
        assert!(again.gaps.is_empty(), "told once: {:?}", again.gaps);
    }
    let mut got = Vec::new();
    while got.len() < 4 {
        if let FollowItem::Batch(batch) = follow.next().await.unwrap().unwrap() {
            got.extend(batch.iter().map(|record| record.event().id().to_owned()));
        }
    }
    assert_eq!(got, ["a/0", "a/1", "a/2", "a/3"]);
    store.trim().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_stops_its_run_alone_and_keeps_nothing_by_halves() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let url = redis.url();
    let store = RedisStore::connect(&url, RedisOptions::default()).await.unwrap();
    command(&url, &["SET", "hw:s:default:bad:d", "x"]).await;
    let error = store.append(vec![event("good", 0), event("bad", 0)]).await.unwrap_err().to_string();
    assert!(error.contains("hw:s:default:bad:d"), "{error}");
    assert_eq!(store.tail().await.unwrap(), Position::ZERO);
    let page = store.read(&scope("good"), Position::ZERO, 10, 1 << 20).await.unwrap();
    assert!(page.records.is_empty());
    // Those who are stored together with it do not suffer.
    let (bad, good) = tokio::join!(store.append(vec![event("bad", 1)]), store.append(vec![event("good", 1)]));
    assert!(bad.is_err() && !good.unwrap()[0].duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_do_not_meet() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let one = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    let other = format!("{}?namespace={}", redis.url(), namespace());
    let other = RedisStore::connect(&other, RedisOptions::default()).await.unwrap();
    assert_ne!(one.epoch(), other.epoch());
    one.append(vec![event("a", 0)]).await.unwrap();
    one.put("k", "v".into(), None).await.unwrap();
    assert_eq!(other.tail().await.unwrap(), Position::ZERO);
    assert_eq!(other.get("k").await.unwrap(), None);
    assert!(other.read(&scope("a"), Position::ZERO, 10, 1 << 20).await.unwrap().records.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_appear_are_followed_and_many_share_a_connection() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    let mut all = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let mut own = Vec::new();
    for n in 0..20 {
        let tenant: Tenant = format!("t{n}").parse().unwrap();
        own.push(store.follow(&FollowScope::Tenant(tenant), Position::ZERO).await.unwrap());
    }
    for n in 0..40 {
        store.append(vec![of(&format!("t{}", n % 20), "a", n, Class::Transient)]).await.unwrap();
    }
    let mut count = 0;
    while count < 40 {
        if let FollowItem::Batch(batch) = all.next().await.unwrap().unwrap() {
            let numbers: Vec<_> = batch.iter().map(|record| record.event().id().to_owned()).collect();
            assert_eq!(numbers, (count..count + batch.len()).map(|n| format!("a/{n}")).collect::<Vec<_>>());
            count += batch.len();
        }
    }
    for (n, follow) in own.iter_mut().enumerate() {
        let FollowItem::Batch(batch) = follow.next().await.unwrap().unwrap() else { panic!("no gap") };
        assert_eq!(batch[0].tenant(), format!("t{n}"));
    }
    let clients = command(&redis.url(), &["CLIENT", "LIST"]).await;
    let clients: String = redis::from_redis_value(clients).unwrap();
    assert!(clients.lines().count() <= 4, "{clients}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_applied_by_itself_and_ended_runs_expire_without_anybody() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let mut options =
        RedisOptions { retention_interval: Duration::from_millis(200), ..RedisOptions::default() };
    options.retention.durable.max_age = Some(Duration::from_secs(1));
    let stores = [
        RedisStore::connect(&redis.url(), options.clone()).await.unwrap(),
        RedisStore::connect(&redis.url(), options).await.unwrap(),
    ];
    let mut end = event("a", 0);
    end.mark = headwater_store::Mark::Completed;
    let last = stores[0].append(vec![end]).await.unwrap()[0].position;
    let expires = command(&redis.url(), &["PTTL", "hw:s:default:a:d"]).await;
    assert!(matches!(expires, redis::Value::Int(left) if left > 0), "{expires:?}");
    for _ in 0..100 {
        let page = stores[1].read(&scope("a"), Position::ZERO, 10, 1 << 20).await.unwrap();
        if page.records.is_empty() {
            assert_eq!((page.gaps[0].reason, page.gaps[0].to), (GapReason::Retention, last));
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing was removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wiped_data_is_a_new_numbering_that_is_noticed_while_nobody_writes() {
    let Some(redis) = start(ServerOptions::default()).await else { return };
    let store = RedisStore::connect(&redis.url(), RedisOptions::default()).await.unwrap();
    let before = store.epoch();
    let last = store.append(vec![event("a", 0)]).await.unwrap()[0].position;
    let mut follow = store.follow(&FollowScope::All, last).await.unwrap();
    command(&redis.url(), &["FLUSHALL"]).await;
    let item = tokio::time::timeout(Duration::from_secs(10), follow.next()).await.unwrap();
    let Some(Ok(FollowItem::Gap(gap))) = item else { panic!("a gap, not {item:?}") };
    assert_eq!(gap.reason, GapReason::Reset);
    assert_ne!(store.epoch(), before);
    let next = until_stored(&store, event("a", 1)).await.position;
    assert!(next > gap.to);
    let Some(Ok(FollowItem::Batch(batch))) = follow.next().await else { panic!("what comes") };
    assert_eq!(ids(&batch), ["a/1"]);
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
}
