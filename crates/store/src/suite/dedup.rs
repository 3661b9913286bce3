//! The same event twice.

use std::{sync::Arc, time::Duration};

use headwater_events::{Class, Mark, Position};

use super::{
    Case,
    case::{durable, event, stream, tenant, visible},
    checks::{append, read_all},
    view::end,
};
use crate::Store;

/// The store, where it has a dedup window.
async fn open(case: &Case) -> Option<Arc<dyn Store>> {
    with_window(case, case.open().await).await
}

/// The store with a window that may be waited for, and how long it declares to recognize an event.
async fn open_short(case: &mut Case) -> Option<(Arc<dyn Store>, Duration)> {
    let window = case.span(Duration::from_secs(120), Duration::from_secs(2));
    let store = {
        let store = case.open_with_window(window).await;
        with_window(case, store).await?
    };
    let declared = store.capabilities().dedup_window.expect("a window");
    assert!(declared >= window, "the window {declared:?} is not what was asked for, {window:?}");
    Some((store, declared))
}

async fn with_window(case: &Case, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
    if store.capabilities().dedup_window.is_none() {
        case.lacks("dedup_window");
        append(&store, vec![durable("a", 1), durable("a", 1)]).await;
        assert_eq!(read_all(&store, &visible("a")).await.records.len(), 2, "no window: stored twice");
        return None;
    }
    Some(store)
}

/// Inside the window a second append answers with the first one's place and time, and stores nothing.
pub async fn a_second_append_is_a_duplicate(mut case: Case) {
    let Some((store, window)) = open_short(&mut case).await else { return };
    let first = append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    case.pass(window / 2).await;
    let before = end(&store).await;
    let again = append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    for (first, again) in first.iter().zip(&again) {
        assert!(!first.duplicate && again.duplicate);
        assert_eq!((first.position, first.stored_at), (again.position, again.stored_at));
    }
    assert_eq!(end(&store).await, before);
    assert_eq!(read_all(&store, &visible("a")).await.records.len(), 5);
    let run = store.run(&tenant("default"), &stream("a")).await.expect("a run").expect("a record");
    assert_eq!((run.durable, run.last), (5, first[4].position), "the record counts each once");
}

/// Long after the window it is a new event.
pub async fn after_the_window_it_is_stored_again(mut case: Case) {
    let Some((store, window)) = open_short(&mut case).await else { return };
    let first = append(&store, vec![durable("a", 1)]).await;
    let long = case.span(window + Duration::from_secs(3600), 2 * window + Duration::from_secs(1));
    case.pass(long).await;
    let again = append(&store, vec![durable("a", 1)]).await;
    assert!(!again[0].duplicate && again[0].position > first[0].position);
    assert_eq!(read_all(&store, &visible("a")).await.ids(), ["a/1", "a/1"]);
    let third = append(&store, vec![durable("a", 1)]).await;
    assert_eq!((third[0].duplicate, third[0].position), (true, again[0].position), "the window starts anew");
}

/// Inside one batch the first counts.
pub async fn duplicates_inside_a_batch(case: Case) {
    let Some(store) = open(&case).await else { return };
    append(&store, vec![durable("a", 0)]).await;
    let batch = vec![durable("a", 1), durable("a", 0), durable("a", 2), durable("a", 1), durable("a", 1)];
    let answer = append(&store, batch).await;
    assert_eq!(answer.iter().map(|a| a.duplicate).collect::<Vec<_>>(), [false, true, false, true, true]);
    assert_eq!(answer[3].position, answer[0].position);
    assert_eq!(read_all(&store, &visible("a")).await.ids(), ["a/0", "a/1", "a/2"]);
}

/// The key is tenant, source and id: another tenant's or source's event of the same id is another event.
pub async fn the_key_is_tenant_source_and_id(case: Case) {
    let Some(store) = open(&case).await else { return };
    let one = durable("a", 1);
    let mut source = one.clone();
    source.event = one.event.to_builder().build().expect("an event");
    let other_source = headwater_events::Event::builder("/other", "suite.durable.v1")
        .id(one.event.id())
        .tenant(&one.tenant)
        .stream(&one.stream)
        .build()
        .expect("an event");
    source.event = other_source;
    let other_tenant = event("other", "a", 1, Class::Durable, Mark::None);
    let mut shifted = event("default", "a", 1, Class::Durable, Mark::None);
    // The same letters, cut elsewhere.
    shifted.event = headwater_events::Event::builder("/suitea", "suite.durable.v1")
        .id("/1")
        .tenant(&one.tenant)
        .stream(&one.stream)
        .build()
        .expect("an event");
    let answer = append(&store, vec![one, source, other_tenant, shifted]).await;
    assert!(answer.iter().all(|a| !a.duplicate), "{answer:?}");
}

/// The same event from many at once is stored once.
pub async fn concurrent_duplicates_are_stored_once(case: Case) {
    let Some(store) = open(&case).await else { return };
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&store, vec![durable("a", 1), durable("a", 2)]).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an append"));
    }
    for event in 0..2 {
        assert_eq!(answers.iter().filter(|a| !a[event].duplicate).count(), 1);
        assert!(answers.iter().all(|a| a[event].position == answers[0][event].position));
    }
    assert_eq!(read_all(&store, &visible("a")).await.records.len(), 2);
}

/// A duplicate is answered once the first one is stored: it is visible then.
pub async fn a_duplicate_is_answered_once_it_is_visible(case: Case) {
    let Some(store) = open(&case).await else { return };
    for n in 0..20 {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let answer = append(&store, vec![durable("a", n)]).await;
                    let all = super::checks::read(&store, &visible("a"), Position::ZERO, 1000).await;
                    assert!(all.positions().contains(&answer[0].position), "answered and not visible");
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("an append");
        }
    }
}

/// What was deleted stands nowhere: its events may be stored again.
pub async fn deleted_events_may_be_stored_again(case: Case) {
    let Some(store) = open(&case).await else { return };
    if !store.capabilities().delete_stream {
        return case.lacks("delete_stream");
    }
    let first = append(&store, vec![durable("a", 1), durable("a", 2)]).await;
    assert!(store.remove(&tenant("default"), &stream("a")).await.expect("a removal"));
    let again = append(&store, vec![durable("a", 1), durable("a", 2)]).await;
    assert!(again.iter().all(|a| !a.duplicate && a.position > first[1].position), "{again:?}");
    assert_eq!(read_all(&store, &visible("a")).await.ids(), ["a/1", "a/2"]);
}
