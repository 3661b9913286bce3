//! What operators see while a server is away, for tests of a store that has one.

use std::time::Duration;

use crate::{EventLog, StatusKind};

/// Kills the server under an open store, waits, and starts it: status and metrics say so, and that attempts are made.
/// `value` gives a metric as it is now; nothing else may write the store's metrics meanwhile.
pub async fn an_outage_is_told(
    store: &dyn EventLog,
    value: impl Fn(&str) -> u64,
    kill: impl Future<Output = ()>,
    start: impl Future<Output = ()>,
) {
    let [connected, attempts, reconnects] = [
        "headwater_store_connected",
        "headwater_store_connect_attempts_total",
        "headwater_store_reconnects_total",
    ];
    let (first, again) = (value(attempts), value(reconnects));
    assert_eq!(value(connected), 1);

    kill.await;
    let mut status = store.status();
    let away = status.wait_for(|status| status.kind == StatusKind::Away).await.expect("a status");
    assert!(away.detail.contains("127.0.0.1"), "it names the server: {}", away.detail);
    drop(away);
    let mut last = first.max(value(attempts));
    for _ in 0..3 {
        while value(attempts) <= last {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        last = value(attempts);
    }
    assert_eq!((value(connected), value(reconnects)), (0, again));

    start.await;
    status.wait_for(|status| status.kind == StatusKind::Ready).await.expect("a status");
    assert_eq!((value(connected), value(reconnects)), (1, again + 1));
}

/// A metric without labels in the text that Prometheus reads; 0 if it is not there.
#[must_use]
pub fn metric(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}
