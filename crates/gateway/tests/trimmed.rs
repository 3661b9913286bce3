//! What retention removed: told once, and who comes back with the place of the telling loses nothing.

mod support;

use std::{sync::Arc, time::Duration};

use headwater_broker::{Broker, BrokerConfig};
use headwater_gateway::GatewayConfig;
use headwater_store::{EventLog, ManualClock, MemoryOptions, MemoryStore};
use support::{Block, Server, delta, event, events};

#[tokio::test]
async fn coming_back_with_the_id_of_a_gap_loses_no_event() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let options = MemoryOptions { clock: Arc::new(clock.clone()), ..MemoryOptions::default() };
    let store = Arc::new(MemoryStore::new(options));
    let broker = Broker::open(Arc::clone(&store) as _, BrokerConfig::default()).await.unwrap();
    let server = Server::over(Arc::new(broker), GatewayConfig::default()).await;

    // Durable events between deltas: only the deltas are old enough to go.
    let mut batch = Vec::new();
    for n in 0..20 {
        batch.push(if n % 4 == 2 { event("wf-1", "acme.thing.v1", n) } else { delta("wf-1", n) });
    }
    let cursors = server.publish(&batch).await;
    clock.advance(Duration::from_secs(36 * 3600));
    store.trim().await.unwrap();
    server.publish(&events("wf-1", 20, 23)).await;
    let kept = [2, 6, 10, 14, 18, 20, 21, 22];

    for path in ["/v1/streams/wf-1/events", "/v1/events?streams=wf-1&after=earliest"] {
        let mut gaps = 0;
        // From the beginning, and (for the run's own cursors) from each place of before.
        let own = path.contains("wf-1/events");
        let starts = std::iter::once(None).chain(cursors.iter().enumerate().map(Some).filter(|_| own));
        for start in starts {
            let last = start.map(|(_, cursor)| cursor.clone());
            let expected: Vec<u64> =
                kept.into_iter().filter(|n| start.is_none_or(|(at, _)| *n > at as u64)).collect();
            gaps += read_stopping_at_gaps(&server, path, last, &expected).await;
        }
        assert!(gaps > 0, "{path}: a gap is told");
    }
}

/// Reads to `headwater.caught-up`, but leaves at each gap and comes back with its id. Gives how many there were.
async fn read_stopping_at_gaps(
    server: &Server,
    path: &str,
    mut last: Option<String>,
    expected: &[u64],
) -> usize {
    let (mut seen, mut gaps) = (Vec::new(), 0);
    'visits: loop {
        let resume: Vec<_> = last.as_deref().map(|id| ("last-event-id", id)).into_iter().collect();
        let mut sse = server.sse_with(path, &resume).await;
        loop {
            let frame: Block = sse.frame().await.expect("a frame");
            match frame.event() {
                Some("headwater.caught-up") => break 'visits,
                Some("headwater.gap") => {
                    assert_eq!(frame.json()["reason"], "trimmed");
                    let came_with = last.replace(frame.id().expect("a place").to_owned());
                    gaps += 1;
                    assert!(gaps < 100, "the same gap again and again");
                    if came_with != last {
                        continue 'visits;
                    }
                }
                _ => {
                    seen.push(frame.n().expect("an event"));
                    last = frame.id().map(str::to_owned);
                }
            }
        }
    }
    assert_eq!(seen, expected, "{path}");
    gaps
}
