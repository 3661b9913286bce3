//! Reading on from page to page, while others store and delete.

use crate::common::{event, ids, namespace};
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{EventLog, Page, Position, ReadScope, Tenant};
use headwater_test_servers::{Redis, need};

const PAGE: usize = 20;

/// Two processes over one log with 200 events in streams that take turns, ten events each time.
async fn two() -> Option<[RedisStore; 2]> {
    let redis = need(Redis::shared())?;
    let options = RedisOptions { namespace: namespace(), ..RedisOptions::default() };
    let one = RedisStore::connect(&redis.url(), options.clone()).await.unwrap();
    let two = RedisStore::connect(&redis.url(), options).await.unwrap();
    for first in (0..200).step_by(10) {
        let stream = if first % 20 == 0 { "even" } else { "odd" };
        one.append((first..first + 10).map(|n| event(stream, n)).collect()).await.unwrap();
    }
    Some([one, two])
}

async fn page(store: &RedisStore, after: Position) -> Page {
    store.read(&ReadScope::Tenant(Tenant::default()), after, PAGE, 1 << 20).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_full_and_hold_everything_once() {
    let Some([store, _]) = two().await else { return };
    let (mut at, mut got) = (Position::ZERO, Vec::new());
    loop {
        let page = page(&store, at).await;
        assert!(page.records.len() <= PAGE && page.gaps.is_empty(), "{page:?}");
        got.extend(ids(&page.records).into_iter().map(str::to_owned));
        at = page.next;
        if !page.more {
            break;
        }
        assert_eq!(page.records.len(), PAGE);
    }
    let wanted: Vec<_> =
        (0..200).map(|n| format!("{}/{n}", if n / 10 % 2 == 0 { "even" } else { "odd" })).collect();
    assert_eq!(got, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_deleted_is_not_read_though_its_page_was_made_before() {
    let Some([store, other]) = two().await else { return };
    let mut at = Position::ZERO;
    for _ in 0..4 {
        at = page(&store, at).await.next;
    }
    // The fifth page is made by now, or being made.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(other.remove(&Tenant::default(), &"odd".parse().unwrap()).await.unwrap());
    loop {
        let page = page(&store, at).await;
        assert!(ids(&page.records).iter().all(|id| id.starts_with("even/")), "{:?}", ids(&page.records));
        at = page.next;
        if !page.more {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_after_the_last_page_was_made_is_read() {
    let Some([store, other]) = two().await else { return };
    let mut at = Position::ZERO;
    for _ in 0..9 {
        at = page(&store, at).await.next;
    }
    // The last page is made by now, or being made.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    other.append(vec![event("late", 200)]).await.unwrap();
    let mut got = Vec::new();
    loop {
        let page = page(&store, at).await;
        got.extend(ids(&page.records).into_iter().map(str::to_owned));
        at = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!((got.len(), got.last().map(String::as_str)), (21, Some("late/200")));
}
