//! The story over each broker: two servers over one of them, what is published at the one is read at the other, and each
//! is killed in its turn, the broker too.

use headwater_e2e::{
    Chance,
    story::{self, Plan},
};
use headwater_test_servers::{Kafka, KafkaOptions, Nats, NatsOptions, Redis, RedisOptions, Server, need};

/// One gateway, then two, then two over a broker that is killed itself in between.
fn play(broker: &Server, url: &str, copies: bool) {
    for (name, two, hurt) in [("one", false, false), ("two", true, false), ("hurt", true, true)] {
        let plan = Plan {
            runs: 8,
            events: 60,
            kills: 4,
            seed: Chance::fresh_seed(),
            // Each story has the broker for itself: its runs have the same names.
            broker: Some(format!("{url}?namespace={name}")),
            two,
            copies,
        };
        println!("{plan:?}, the broker is {}", if hurt { "killed too" } else { "left alone" });
        let mut crash = || Ok(broker.crash()?);
        let report = match hurt {
            true => story::play_with(&plan, Some(&mut crash)),
            false => story::play(&plan),
        };
        let report = report.unwrap_or_else(|error| panic!("{plan:?}: {error:#}"));
        assert_eq!(report.answered, 480);
    }
}

/// Synced before each answer, so that a killed one has lost nothing.
#[test]
fn real_clients_miss_nothing_over_redis() {
    let Some(redis) = need(Redis::start(RedisOptions::default())) else { return };
    play(redis.server(), &redis.url(), false);
}

#[test]
fn real_clients_miss_nothing_over_nats() {
    let Some(nats) = need(Nats::start(NatsOptions::default())) else { return };
    play(nats.server(), &nats.url(), false);
}

/// Kafka recognizes nothing that is sent again.
#[test]
fn real_clients_miss_nothing_over_kafka() {
    let Some(kafka) = need(Kafka::start(KafkaOptions::default())) else { return };
    play(kafka.server(), &kafka.url(), true);
}
