//! The spool file: more room while the store is away, in this life and the next.

use std::{sync::Arc, time::Duration};

use headwater_bus::{Emitter, EmitterOptions, EventEmitter, SpoolOptions, WhenFull};
use headwater_events::Event;

use crate::support::{Harm, Harmed, broker, message, numbers, said, stored, until};

fn options(path: &std::path::Path, max_bytes: u64) -> EmitterOptions {
    EmitterOptions {
        capacity: 8,
        when_full: WhenFull::Block(Duration::from_secs(60)),
        retry_max: Duration::from_millis(20),
        spool: Some(SpoolOptions { path: path.to_owned(), max_bytes }),
        ..EmitterOptions::default()
    }
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_waits_in_the_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let (broker, harm) = (broker().await, Arc::<Harm>::default());
    harm.away(true);
    let emitter = Emitter::new(Harmed::over(&broker, &harm), options(&path, 1 << 20));
    for n in 0..200 {
        emitter.emit_async(message("a", "run", n)).await.unwrap();
    }
    until("most of it is in the file", || emitter.status().spooled_bytes > 10_000).await;
    let waits = tokio::spawn({
        let emitter = Arc::clone(&emitter);
        async move { emitter.publish(message("a", "run", 200)).await }
    });
    harm.away(false);
    emitter.flush().await.unwrap();
    waits.await.unwrap().unwrap();
    let events = stored(&broker, "run").await;
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), numbers(201));
    let sequence: Vec<_> = events.iter().filter_map(Event::sequence).collect();
    assert_eq!(sequence, (1..=201).collect::<Vec<_>>());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn another_life_publishes_first_what_the_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let (broker, harm) = (broker().await, Arc::<Harm>::default());
    harm.away(true);
    let first = Emitter::new(Harmed::over(&broker, &harm), options(&path, 1 << 20));
    for n in 0..50 {
        first.emit_async(message("a", "run", n)).await.unwrap();
    }
    until("all of it is in the file", || first.status().queued == 0).await;
    drop(first.close(Duration::from_millis(10)).await);
    // It was killed while it wrote.
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(br#"{"specversion":"1.0","id":"torn"#);
    std::fs::write(&path, text).unwrap();
    harm.away(false);
    let second = Emitter::new(Harmed::over(&broker, &harm), options(&path, 1 << 20));
    second.emit_async(message("b", "run", 50)).await.unwrap();
    second.flush().await.unwrap();
    assert_eq!(stored(&broker, "run").await.iter().map(said).collect::<Vec<_>>(), numbers(51));
}

#[tokio::test]
async fn a_full_file_makes_the_emitter_full() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, harm) = (broker().await, Arc::<Harm>::default());
    harm.away(true);
    let mut options = options(&folder.path().join("spool"), 2_000);
    options.when_full = WhenFull::Block(Duration::from_millis(100));
    let emitter = Emitter::new(Harmed::over(&broker, &harm), options);
    let mut admitted = 0;
    while emitter.emit_async(message("a", "run", admitted)).await.is_ok() {
        admitted += 1;
        assert!(admitted < 1000, "it takes no end");
    }
    harm.away(false);
    emitter.flush().await.unwrap();
    assert_eq!(stored(&broker, "run").await.iter().map(said).collect::<Vec<_>>(), numbers(admitted));
}
