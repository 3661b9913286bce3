//! Several processes on one log.

use std::{sync::Arc, time::Duration};

use crate::kit::{
    OnNats,
    events::{durable, event, follow, ids, next, next_ids, read, scope},
    quiet,
};
use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{ClassesKey, EventLog, FollowItem, FollowScope, ReadScope, StateStore, Tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_written_by_several_has_one_record() {
    let place = OnNats::new();
    let mut writers = Vec::new();
    for writer in 0..4 {
        let store = Arc::new(place.open_with(quiet()).await);
        writers.push(tokio::spawn(async move {
            for call in 0..20 {
                // The same events come from two of them.
                let n = (writer / 2) * 1000 + call * 10;
                store.append((n..n + 5).map(|n| durable("a", n)).collect()).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let store = place.open_with(quiet()).await;
    let (records, _) = read(&store, &scope("a")).await;
    let mut seen = ids(&records);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((records.len(), seen.len()), (200, 200), "each event once");
    let run = store.run(&Tenant::default(), &"a".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((run.durable, run.last), (200, records[199].position()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_by_one_is_told_to_the_followers_of_another() {
    let place = OnNats::new();
    let (one, other) = (place.open_with(quiet()).await, place.open_with(quiet()).await);
    let mut live = follow(&other).await;
    let last = one.append((0..5).map(|n| durable("a", n)).collect()).await.unwrap()[4].position;
    assert_eq!(next_ids(&mut live, 5).await.len(), 5);
    assert!(one.remove(&Tenant::default(), &"a".parse().unwrap()).await.unwrap());
    match next(&mut live).await {
        FollowItem::Deleted { stream, to, .. } => assert_eq!((stream.as_str(), to), ("a", last)),
        other => panic!("a deletion, not {other:?}"),
    }
    one.append(vec![durable("a", 0)]).await.unwrap();
    assert_eq!(next_ids(&mut live, 1).await, ["a/0"], "the next life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_followed_tenants_share_few_consumers() {
    let place = OnNats::new();
    let store = place.open_with(NatsOptions { tenant_consumers: 5, ..quiet() }).await;
    let tenant = |n: usize| format!("tenant-{n}").parse::<Tenant>().unwrap();
    let mut live = Vec::new();
    for n in 0..40 {
        live.push(store.follow(&FollowScope::Tenant(tenant(n)), store.tail().await.unwrap()).await.unwrap());
    }
    let mut batch = Vec::new();
    for n in 0..40 {
        let mut one = durable("run", n);
        one.tenant = tenant(n);
        one.event = one.event.to_builder().tenant(&one.tenant).build().unwrap();
        batch.push(one);
    }
    store.append(batch).await.unwrap();
    for (n, follow) in live.iter_mut().enumerate() {
        assert_eq!(next_ids(follow, 1).await, [format!("run/{n}")], "each its own");
    }
    let consumers = async || {
        let client = async_nats::connect(place.url().split('?').next().unwrap()).await.unwrap();
        crate::kit::stream_info(&client, place.namespace()).await["state"]["consumer_count"].as_u64().unwrap()
    };
    assert_eq!(consumers().await, 6, "five tenants, and one for all others");
    drop(live);
    let gone = async {
        while consumers().await > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("what nobody follows goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_inject_nothing() {
    let place = OnNats::new();
    let store = place.open_with(quiet()).await;
    let names = ["a", "a.b", "a.b.c", "a-", "=2A", "=3E", "$", "@:+"];
    let good: Vec<_> =
        names.into_iter().filter(|name| name.parse::<headwater_store::StreamName>().is_ok()).collect();
    assert!(good.contains(&"a.b.c") && good.contains(&"@:+"), "{good:?}");
    let batch = good.iter().map(|name| event(name, 0, headwater_events::Class::Durable)).collect();
    store.append(batch).await.unwrap();
    for name in &good {
        assert_eq!(ids(&read(&store, &scope(name)).await.0), [format!("{name}/0")]);
    }
    for wild in ["*", ">", "a.*", "a b", "a\r\nPUB x"] {
        assert!(wild.parse::<headwater_store::StreamName>().is_err(), "{wild:?}");
    }
    for key in ["a.*", ">", "*", "a/>", "x y"] {
        let version = store.put(key, bytes::Bytes::from_static(b"v"), None).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap().version, version);
        assert_eq!(store.list(key, None, 10).await.unwrap().len(), 1);
    }
    let none = ReadScope::Stream(Tenant::default(), "b".parse().unwrap(), ClassesKey::All);
    assert!(read(&store, &none).await.0.is_empty());
}

/// Reads three of ten pages of two streams, deletes one of them, and reads on at once.
async fn delete_while_it_is_read(reader: &NatsStore, deleter: &NatsStore) {
    for call in 0..10 {
        let batch = (0..100).map(|n| durable(if n % 2 == 0 { "a" } else { "b" }, call * 100 + n)).collect();
        reader.append(batch).await.unwrap();
    }
    let tenant = ReadScope::Tenant(Tenant::default());
    let mut next = headwater_store::Position::ZERO;
    let mut seen = 0;
    for _ in 0..3 {
        let page = reader.read(&tenant, next, 100, 1 << 20).await.unwrap();
        assert!(page.more);
        seen += page.records.len();
        next = page.next;
    }
    // What comes next is being read ahead, or was.
    assert!(deleter.remove(&Tenant::default(), &"a".parse().unwrap()).await.unwrap());
    let mut rest = Vec::new();
    loop {
        let page = reader.read(&tenant, next, 100, 1 << 20).await.unwrap();
        rest.extend(page.records);
        next = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!((seen, rest.len()), (300, 350));
    assert!(rest.iter().all(|record| record.event().stream() == "b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_ahead_and_deleted_is_not_shown() {
    let place = OnNats::new();
    let store = place.open_with(quiet()).await;
    delete_while_it_is_read(&store, &store).await;
}

/// Nobody waits for the notice of it, which may never come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_ahead_is_not_shown_once_another_process_deleted_it() {
    for _ in 0..5 {
        let place = OnNats::new();
        let (reader, deleter) = (place.open_with(quiet()).await, place.open_with(quiet()).await);
        delete_while_it_is_read(&reader, &deleter).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_of_runs_that_are_gone_is_forgotten_some_day() {
    let place = OnNats::new();
    let store = place.open_with(quiet()).await;
    store.append(vec![durable("a", 0), durable("b", 0)]).await.unwrap();
    store.remove(&Tenant::default(), &"a".parse().unwrap()).await.unwrap();
    let client = async_nats::connect(place.url().split('?').next().unwrap()).await.unwrap();
    let key = format!("$KV.{}-state.r.{}.default.a", place.namespace(), store.epoch());
    let get = serde_json::json!({ "last_by_subj": key }).to_string();
    let subject = format!("$JS.API.DIRECT.GET.KV_{}-state", place.namespace());
    let found = client.request(subject, get.into()).await.unwrap();
    let headers = found.headers.unwrap();
    assert_eq!(headers.get("Nats-TTL").unwrap().as_str(), format!("{}s", 28 * 24 * 3600));
}
