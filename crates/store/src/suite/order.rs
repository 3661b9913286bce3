//! One order, that of positions.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_events::Position;

use super::{
    Case,
    case::{delta, durable, visible},
    checks::{append, read_all},
    rng::Rng,
    view::{Log, end, numbering, read_tenant, same_order},
};

/// Appends of one call are stored in the order given, and later calls stand behind earlier ones.
pub async fn positions_ascend_within_and_across_calls(case: Case) {
    let store = case.open().await;
    assert!(read_tenant(&store, "default").await.records.is_empty(), "a new log is empty");
    let mut last = HashMap::new();
    let mut wanted = Vec::new();
    for call in 0..20 {
        let batch: Vec<_> = (0..=call).map(|i| durable(["a", "b", "c"][i % 3], call * 100 + i)).collect();
        let answer = append(&store, batch.clone()).await;
        let before = last.clone();
        let end = end(&store).await;
        for (answer, one) in answer.iter().zip(&batch) {
            let of = numbering(&store, one);
            let behind = before.get(&of).is_none_or(|last| answer.position > *last);
            assert!(behind, "{} is not behind everything of the call before", answer.position);
            assert!(end.of(of) >= answer.position, "the tail covers what was answered");
            last.insert(of, answer.position);
        }
        wanted.extend(batch);
    }
    same_order(&store, &read_tenant(&store, "default").await.records, &wanted);
}

/// Fifty appenders at once: every event once, each appender's events in its order, all scopes in one order.
pub async fn concurrent_appenders_get_one_order(case: Case) {
    let store = case.open().await;
    let appenders = (0..50).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut own = Log::new();
            for call in 0..6 {
                let batch: Vec<_> = (0..3)
                    .map(|i| durable(&format!("w{}", (writer + i) % 50), writer * 1000 + call * 10 + i))
                    .collect();
                let answer = append(&store, batch.clone()).await;
                own.extend(answer.iter().map(|a| a.position).zip(batch));
            }
            for of in own.iter().map(|(_, one)| numbering(&store, one)) {
                let own = own.iter().filter(|(_, one)| numbering(&store, one) == of);
                assert!(own.is_sorted_by(|a, b| a.0 < b.0), "an appender's calls stand in its order");
            }
            own
        })
    });
    let mut answered = Log::new();
    for appender in appenders.collect::<Vec<_>>() {
        answered.extend(appender.await.expect("an appender"));
    }
    answered.sort_by_key(|(position, _)| *position);
    let all = read_tenant(&store, "default").await;
    assert_eq!(all.records.len(), answered.len());
    same_order(&store, &all.records, answered.iter().map(|(_, one)| one));
    for name in ["w0", "w17", "w49"] {
        let of_all: Vec<_> = all.records.iter().filter(|r| r.event().stream() == name).collect();
        let own = read_all(&store, &visible(name)).await;
        assert_eq!(own.ids(), of_all.iter().map(|r| r.event().id()).collect::<Vec<_>>());
    }
}

/// An empty batch is stored at once and changes nothing.
pub async fn an_empty_batch_is_nothing(case: Case) {
    let store = case.open().await;
    for n in 0..2 {
        let before = end(&store).await;
        assert!(append(&store, Vec::new()).await.is_empty());
        assert_eq!(end(&store).await, before);
        assert_eq!(read_tenant(&store, "default").await.records.len(), n);
        append(&store, vec![durable("a", n)]).await;
    }
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
    if case.is_manual() {
        assert!(all.records.iter().all(|r| r.stored_at_ms() == case.now_ms()), "the log's own clock");
    }
}

/// The clock may jump: the order is that of the appends, and nothing is lost by going back.
pub async fn clock_jumps_do_not_disturb_the_order(case: Case) {
    if !case.is_manual() {
        return case.skip("the server's clock is not ours to move");
    }
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
    if store.capabilities().retention {
        store.trim().await.expect("a trim");
    }
    let all = read_all(&store, &visible("a")).await;
    assert_eq!(all.ids(), wanted);
    assert!(all.gaps.is_empty(), "{:?}", all.gaps);
    case.clock().advance(Duration::from_secs(1));
}

/// Once a reader has seen a position in a scope, nothing appears at or before it later.
pub async fn positions_become_visible_in_order(case: Case) {
    let store = case.open().await;
    let answered = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (store, answered) = (Arc::clone(&store), Arc::clone(&answered));
            tokio::spawn(async move {
                for call in 0..15 {
                    let batch = (0..3).map(|i| durable("a", writer * 1000 + call * 10 + i));
                    let last = append(&store, batch.collect()).await[2].position;
                    answered.fetch_max(last.0, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    let mut after = Position::ZERO;
    let total = 8 * 15 * 3;
    while seen.len() < total {
        let answered = Position(answered.load(Ordering::SeqCst));
        let page = store.read(&visible("a"), after, 7, 1 << 20).await.expect("a page");
        seen.extend(page.records.iter().map(crate::Record::position));
        after = page.next;
        if !page.more {
            assert!(
                after >= answered,
                "everything that was answered is visible, up to {answered}, not only up to {after}"
            );
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert_eq!(seen, read_all(&store, &visible("a")).await.positions(), "reading along missed nothing");
}
