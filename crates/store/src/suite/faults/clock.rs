//! A clock that jumps.

use std::time::Duration;

use super::super::{
    Case,
    case::{delta, durable, marked, visible},
    checks::{append, read_all},
    view::{Live, at, start},
};
use crate::Mark;

/// The clock jumps an hour back, two forward, and back again, while a run is written, followed, trimmed and ended:
/// order, readers and the recognition of what was just sent are undisturbed, and nothing goes before its time.
pub async fn a_clock_that_jumps_disturbs_nobody(case: Case) {
    if !case.is_manual() {
        return case.skip("the server's clock is not ours to move");
    }
    let store = case.open().await;
    let mut live = Live::open(&store, &start(&store)).await;
    let mut wanted = Vec::new();
    let mut last = crate::Position::ZERO;
    let begun = case.now_ms();
    for (n, hours) in [0, -1, 1, 0, 2, -1, 1].into_iter().enumerate() {
        let at = begun + hours * 3_600_000;
        case.clock().set(jiff::Timestamp::from_millisecond(at).expect("a time"));
        let batch = vec![durable("a", 10 * n), delta("a", 10 * n + 1), durable("a", 10 * n + 2)];
        wanted.extend(batch.iter().map(|one| one.event.id().to_owned()));
        let first = append(&store, batch.clone()).await;
        assert!(first[0].position > last, "positions only grow");
        // A log may hold its time where it was until the clock has caught up.
        assert!(first[0].stored_at.as_millisecond() >= at, "the log's time is behind its clock");
        last = first[2].position;
        if store.capabilities().dedup_window.is_some() {
            case.clock().advance(Duration::from_secs(1));
            let again = append(&store, batch).await;
            assert!(again.iter().all(|one| one.duplicate), "what was just sent is recognized at {hours} h");
        }
        if store.capabilities().retention {
            store.trim().await.expect("a trim");
        }
    }
    last = append(&store, vec![marked("a", 999, Mark::Completed)]).await[0].position;
    wanted.push("a/999".to_owned());
    for got in [read_all(&store, &visible("a")).await, live.until(&at(&store, "a", last)).await] {
        assert_eq!(got.ids(), wanted);
        assert!(got.gaps.is_empty(), "{:?}", got.gaps);
    }
}
