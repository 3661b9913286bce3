//! The story over each broker: two servers over one of them, what is published at the one is read at the other, and each
//! is killed in its turn.

use headwater_e2e::{
    Chance,
    story::{self, Plan},
};
use headwater_test_servers::{Kafka, Nats, Redis, need};

fn play(broker: &str, copies: bool) {
    for two in [false, true] {
        let plan = Plan {
            runs: 8,
            events: 60,
            kills: 3,
            seed: Chance::fresh_seed(),
            // Each story has the broker for itself: its runs have the same names.
            broker: Some(format!("{broker}?namespace={}", if two { "two" } else { "one" })),
            two,
            copies,
        };
        println!("{plan:?}");
        let report = story::play(&plan).unwrap_or_else(|error| panic!("{plan:?}: {error:#}"));
        assert_eq!(report.answered, 480);
    }
}

#[test]
fn real_clients_miss_nothing_over_redis() {
    let Some(redis) = need(Redis::shared()) else { return };
    play(&redis.url(), false);
}

#[test]
fn real_clients_miss_nothing_over_nats() {
    let Some(nats) = need(Nats::shared()) else { return };
    play(&nats.url(), false);
}

/// Kafka recognizes nothing that is sent again.
#[test]
fn real_clients_miss_nothing_over_kafka() {
    let Some(kafka) = need(Kafka::shared()) else { return };
    play(&kafka.url(), true);
}
