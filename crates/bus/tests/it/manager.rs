//! Publishers by routes.

use std::sync::Arc;

use headwater_bus::{Emitter, EmitterOptions, EventEmitter as _, PublisherManager, WhenFull};
use headwater_events::Filter;

use crate::support::{Harm, Harmed, broker, message, said, stored};

#[tokio::test]
async fn one_publish_reaches_every_publisher_of_every_topic_that_wants_it() {
    let brokers = [broker().await, broker().await, broker().await];
    let emitter = |n: usize| Emitter::new(brokers[n].clone(), EmitterOptions::default());
    let manager = PublisherManager::new();
    manager.register("audit", emitter(0));
    manager.register("audit", emitter(1));
    manager.route("tools", Filter::types("tool").unwrap(), emitter(2));
    assert_eq!(manager.topics(), ["audit", "tools"]);
    let published = manager.publish_all(&message("a", "run", 1)).await.unwrap();
    assert_eq!(published.iter().map(|(topic, _)| topic.as_str()).collect::<Vec<_>>(), ["audit", "audit"]);
    let mut have = Vec::new();
    for broker in &brokers {
        have.push(stored(broker, "run").await.len());
    }
    assert_eq!(have, [1, 1, 0]);
    assert_eq!(manager.unregister("audit"), 2);
    manager.publish_all(&message("a", "run", 2)).await.unwrap();
}

#[tokio::test]
async fn a_failing_publisher_takes_nothing_from_the_others() {
    let (good, bad, harm) = (broker().await, broker().await, Arc::<Harm>::default());
    harm.away(true);
    let full = EmitterOptions { capacity: 1, when_full: WhenFull::Error, ..EmitterOptions::default() };
    let manager = PublisherManager::new();
    let bad_emitter = Emitter::new(Harmed::over(&bad, &harm), full);
    manager.register("bad", bad_emitter.clone());
    manager.register("good", Emitter::new(good.clone(), EmitterOptions::default()));
    for n in 0..5 {
        manager.publish_blind(&message("a", "run", n));
    }
    harm.away(false);
    manager.flush().await.unwrap();
    assert_eq!(stored(&good, "run").await.len(), 5);
    let shown: Vec<_> = stored(&bad, "run").await.iter().map(said).collect();
    assert_eq!(shown, ["0", "dropped.v1"], "and the stream of the bad one tells");
    assert_eq!(bad_emitter.status().dropped, 4);
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_no_error() {
    let manager = PublisherManager::new();
    manager.publish_all(&message("a", "run", 0)).await.unwrap();
    manager.publish_blind(&message("a", "run", 0));
    manager.emit(message("a", "run", 0)).unwrap();
}
