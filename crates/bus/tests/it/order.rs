//! Order and numbers under any interleaving of emitters and failures.

use std::{sync::Arc, time::Duration};

use headwater_bus::{Emitter, EmitterOptions, EventEmitter as _, WhenFull};
use headwater_events::Event;
use proptest::prelude::*;

use crate::support::{Harm, Harmed, broker, message, said, stored};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However often the store is away or loses answers, each source's events are stored once, in order, and numbered
    /// without a hole.
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        capacity in 1usize..40,
        batch in 1usize..20,
        sources in 1usize..5,
        each in 1usize..60,
        lost in 0usize..6,
        away in prop::collection::vec(any::<bool>(), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (broker, harm) = (broker().await, Arc::<Harm>::default());
            harm.lose_answers(lost);
            let options = EmitterOptions {
                capacity,
                batch_events: batch,
                when_full: WhenFull::Block(Duration::from_secs(120)),
                retry_max: Duration::from_millis(4),
                ..EmitterOptions::default()
            };
            let emitter = Emitter::new(Harmed::over(&broker, &harm), options);
            let mut tasks = tokio::task::JoinSet::new();
            for source in 0..sources {
                let emitter = Arc::clone(&emitter);
                tasks.spawn(async move {
                    for n in 0..each {
                        emitter.emit_async(message(&source.to_string(), "run", n)).await.unwrap();
                    }
                });
            }
            for state in away {
                harm.away(state);
                tokio::task::yield_now().await;
            }
            harm.away(false);
            while let Some(done) = tasks.join_next().await {
                done.unwrap();
            }
            emitter.flush().await.unwrap();
            let events = stored(&broker, "run").await;
            for source in 0..sources {
                let source = format!("/nodes/{source}");
                let own: Vec<&Event> = events.iter().filter(|event| event.source() == source).collect();
                let expected: Vec<_> = (0..each).map(|n| (n.to_string(), Some(n as u64 + 1))).collect();
                let got: Vec<_> = own.iter().map(|event| (said(event), event.sequence())).collect();
                assert_eq!(got, expected);
            }
        });
    }
}
