//! One order, that of positions.

use std::{sync::Arc, time::Duration};

use headwater_events::Position;

use super::{
    Case,
    case::{all_of_tenant, delta, durable, visible},
    checks::{append, ids, read_all},
    rng::Rng,
};

/// Appends of one call are stored in the order given, and later calls stand behind earlier ones.
pub async fn positions_ascend_within_and_across_calls(case: Case) {
    let store = case.open().await;
    assert_eq!(store.tail().await.expect("a tail"), Position::ZERO, "a new log is empty");
    let mut last = Position::ZERO;
    let mut wanted = Vec::new();
    for call in 0..20 {
        let batch: Vec<_> = (0..=call).map(|i| durable(["a", "b", "c"][i % 3], call * 100 + i)).collect();
        wanted.extend(ids(&batch).into_iter().map(str::to_owned));
        let answer = append(&store, batch).await;
        assert!(answer[0].position > last, "behind everything of the call before");
        last = answer[call].position;
        assert_eq!(store.tail().await.expect("a tail"), last);
    }
    assert_eq!(read_all(&store, &all_of_tenant()).await.ids(), wanted);
}

/// Fifty appenders at once: every event once, each appender's events in its order, all scopes in one order.
pub async fn concurrent_appenders_get_one_order(case: Case) {
    let store = case.open().await;
    let appenders = (0..50).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut own = Vec::new();
            for call in 0..6 {
                let batch = (0..3)
                    .map(|i| durable(&format!("w{}", (writer + i) % 50), writer * 1000 + call * 10 + i));
                own.extend(append(&store, batch.collect()).await.iter().map(|a| a.position));
            }
            assert!(own.is_sorted_by(|a, b| a < b), "an appender's calls stand in its order: {own:?}");
            own
        })
    });
    let mut answered = Vec::new();
    for appender in appenders.collect::<Vec<_>>() {
        answered.extend(appender.await.expect("an appender"));
    }
    answered.sort_unstable();
    let all = read_all(&store, &all_of_tenant()).await;
    assert_eq!(all.positions(), answered, "what was answered is what is there");
    for name in ["w0", "w17", "w49"] {
        let of_all: Vec<_> = all.records.iter().filter(|r| r.event().stream() == name).collect();
        let own = read_all(&store, &visible(name)).await;
        assert_eq!(own.ids(), of_all.iter().map(|r| r.event().id()).collect::<Vec<_>>());
    }
}

/// An empty batch is stored at once and changes nothing.
pub async fn an_empty_batch_is_nothing(case: Case) {
    let store = case.open().await;
    assert!(append(&store, Vec::new()).await.is_empty());
    assert_eq!(store.tail().await.expect("a tail"), Position::ZERO);
    append(&store, vec![durable("a", 1)]).await;
    let tail = store.tail().await.expect("a tail");
    assert!(append(&store, Vec::new()).await.is_empty());
    assert_eq!(store.tail().await.expect("a tail"), tail);
}

/// Time may stand still: a thousand events in one millisecond have distinct positions.
pub async fn a_thousand_events_in_one_millisecond(case: Case) {
    let store = case.open().await;
    for call in 0..4 {
        append(&store, (0..250).map(|i| durable("a", call * 250 + i)).collect()).await;
    }
    let all = read_all(&store, &visible("a")).await;
    assert_eq!(all.records.len(), 1000);
    assert!(all.positions().is_sorted_by(|a, b| a < b));
    assert!(all.records.iter().all(|r| r.stored_at_ms() == case.now_ms()), "the log's own clock");
}

/// The clock may jump: the order is that of the appends, and nothing is lost by going back.
pub async fn clock_jumps_do_not_disturb_the_order(case: Case) {
    let store = case.open().await;
    let mut rng = Rng::new();
    let start = case.now_ms();
    let mut wanted = Vec::new();
    for n in 0..60 {
        // Within a few hours, so that nothing becomes too old to keep.
        let at = start + i64::try_from(rng.below(4 * 3_600_000)).expect("a few hours");
        case.clock().set(jiff::Timestamp::from_millisecond(at).expect("a time"));
        let one = if rng.below(3) == 0 { delta("a", n) } else { durable("a", n) };
        wanted.push(one.event.id().to_owned());
        append(&store, vec![one]).await;
    }
    store.trim().await.expect("a trim");
    let all = read_all(&store, &visible("a")).await;
    assert_eq!(all.ids(), wanted);
    assert!(all.gaps.is_empty(), "{:?}", all.gaps);
    case.clock().advance(Duration::from_secs(1));
}

/// Once a reader has seen a position in a scope, nothing appears at or before it later.
pub async fn positions_become_visible_in_order(case: Case) {
    let store = case.open().await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for call in 0..15 {
                    let batch = (0..3).map(|i| durable("a", writer * 1000 + call * 10 + i));
                    append(&store, batch.collect()).await;
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    let mut after = Position::ZERO;
    let total = 8 * 15 * 3;
    while seen.len() < total {
        let tail = store.tail().await.expect("a tail");
        let page = store.read(&visible("a"), after, 7, 1 << 20).await.expect("a page");
        seen.extend(page.records.iter().map(crate::Record::position));
        after = page.next;
        if !page.more {
            assert!(
                after >= tail,
                "everything at or before the tail {tail} is visible, not only up to {after}"
            );
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert_eq!(seen, read_all(&store, &visible("a")).await.positions(), "reading along missed nothing");
}
