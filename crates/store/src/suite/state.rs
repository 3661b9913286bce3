//! The table of state.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;

use super::Case;
use crate::{Error, Store, Version};

async fn put(store: &Arc<dyn Store>, key: &str, value: &str, expected: Option<Version>) -> Version {
    store.put(key, Bytes::from(value.to_owned()), expected).await.expect("a write")
}

async fn keys(store: &Arc<dyn Store>, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let list = store.list(prefix, after, limit).await.expect("a list");
    list.into_iter().map(|entry| entry.key).collect()
}

/// A write needs the version that is there; every later read sees it.
pub async fn compare_and_set(case: Case) {
    let store = case.open().await;
    assert_eq!(store.get("k").await.expect("a read"), None);
    let first = put(&store, "k", "one", None).await;
    let entry = store.get("k").await.expect("a read").expect("a value");
    assert_eq!((entry.key.as_str(), &entry.value[..], entry.version), ("k", &b"one"[..], first));
    let second = put(&store, "k", "two", Some(first)).await;
    assert_ne!(first, second);
    for expected in [None, Some(first), Some(Version(second.0 + 1000))] {
        match store.put("k", Bytes::from_static(b"lost"), expected).await {
            Err(Error::Conflict { expected: had, found }) => {
                assert_eq!((had, found), (expected, Some(second)));
            }
            other => panic!("a conflict, not {other:?}"),
        }
    }
    match store.put("none", Bytes::new(), Some(second)).await {
        Err(Error::Conflict { found: None, .. }) => {}
        other => panic!("a conflict, not {other:?}"),
    }
    assert_eq!(&store.get("k").await.expect("a read").expect("a value").value[..], b"two");
    let empty = put(&store, "k", "", Some(second)).await;
    let entry = store.get("k").await.expect("a read").expect("an empty value is a value");
    assert_eq!((entry.value.len(), entry.version), (0, empty));
}

/// Deleting needs the version too, and what is not there cannot be deleted.
pub async fn delete_compares_too(case: Case) {
    let store = case.open().await;
    let first = put(&store, "k", "one", None).await;
    let second = put(&store, "k", "two", Some(first)).await;
    assert!(
        matches!(store.delete("k", first).await, Err(Error::Conflict { found, .. }) if found == Some(second))
    );
    assert!(matches!(store.delete("none", first).await, Err(Error::Conflict { found: None, .. })));
    store.delete("k", second).await.expect("a deletion");
    assert_eq!(store.get("k").await.expect("a read"), None);
    assert!(matches!(store.delete("k", second).await, Err(Error::Conflict { found: None, .. })));
}

/// Versions change with every write and never come back, not even after a deletion.
pub async fn versions_never_come_back(case: Case) {
    let store = case.open().await;
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let mut version = put(&store, "k", "same", None).await;
        assert!(seen.insert(version), "{version:?} came back");
        for _ in 0..3 {
            version = put(&store, "k", "same", Some(version)).await;
            assert!(seen.insert(version), "{version:?} came back");
        }
        store.delete("k", version).await.expect("a deletion");
    }
}

/// Lists come in the order of the keys' bytes, from behind a key, at most so many.
pub async fn lists_are_in_order(case: Case) {
    let store = case.open().await;
    let mut all: Vec<String> = (0..30).map(|i| format!("p/{i}")).collect();
    all.extend(
        ["p", "p-", "p0", "p/é", "p/\u{1f30a}", "p/\u{10ffff}", "p/%", "p/_", "p/*", "p/ x", "q", "o"]
            .map(str::to_owned),
    );
    for key in &all {
        put(&store, key, key, None).await;
    }
    all.sort_unstable();
    for prefix in ["", "p", "p/", "p/1", "p/é", "p/\u{10ffff}", "p/%", "p/_", "p/*", "x", "o", "p/ "] {
        let wanted: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        assert_eq!(keys(&store, prefix, None, 1000).await, wanted, "prefix {prefix:?}");
        let mut got: Vec<String> = Vec::new();
        loop {
            let part = keys(&store, prefix, got.last().map(String::as_str), 4).await;
            if part.is_empty() {
                break;
            }
            assert!(part.len() <= 4);
            got.extend(part);
        }
        assert_eq!(got, wanted, "prefix {prefix:?} in pages");
    }
    assert_eq!(keys(&store, "p/", Some("a"), 1).await, ["p/ x"], "from before the prefix");
    assert!(keys(&store, "p/", Some("q"), 9).await.is_empty(), "from behind the prefix");
    assert_eq!(keys(&store, "p/1", Some("p/10x"), 1).await, ["p/11"], "after a key that is not there");
    for entry in store.list("p/", None, 1000).await.expect("a list") {
        assert_eq!(store.get(&entry.key).await.expect("a read"), Some(entry.clone()));
    }
}

/// Keys and values up to their limits are taken, others refused.
pub async fn keys_and_values_have_limits(case: Case) {
    let store = case.open().await;
    let key = "k".repeat(512);
    let value = Bytes::from(vec![7; 64 * 1024]);
    store.put(&key, value.clone(), None).await.expect("the largest there may be");
    assert_eq!(store.get(&key).await.expect("a read").expect("a value").value, value);
    let over = Bytes::from(vec![7; 64 * 1024 + 1]);
    for (key, value) in
        [("", &value), ("k\n", &value), ("k\0", &value), (&*"k".repeat(513), &value), ("k", &over)]
    {
        let answer = store.put(key, value.clone(), None).await;
        assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
    }
}

/// Of those who write at once one wins; with retries nothing is lost.
pub async fn concurrent_writers_lose_no_update(case: Case) {
    let store = case.open().await;
    put(&store, "n", "0", None).await;
    let writers: Vec<_> = (0..10)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut done = 0;
                while done < 5 {
                    let entry = store.get("n").await.expect("a read").expect("a value");
                    let n: u32 = std::str::from_utf8(&entry.value).expect("text").parse().expect("a number");
                    match store.put("n", Bytes::from((n + 1).to_string()), Some(entry.version)).await {
                        Ok(_) => done += 1,
                        Err(Error::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert_eq!(&store.get("n").await.expect("a read").expect("a value").value[..], b"50");
}

/// Of those who create a key at once one does.
pub async fn one_of_many_creates(case: Case) {
    let store = case.open().await;
    let writers: Vec<_> = (0..20)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put("lease", Bytes::from(i.to_string()), None).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for writer in writers {
        won += usize::from(writer.await.expect("a writer"));
    }
    assert_eq!(won, 1);
}
