//! What is measured.

mod catch_up;
mod embedded;
mod emit;
mod fan_out;
mod groups;
mod hub;
mod idle;
#[cfg(feature = "shared")]
mod latency;
#[cfg(feature = "postgres")]
mod outbox;
mod publish;
mod rate;
#[cfg(feature = "shared")]
mod readers;
#[cfg(feature = "shared")]
mod stores;

use std::pin::Pin;

use anyhow::Result;

use crate::{Setup, table::Row};

type Rows<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>>> + 'a>>;

/// One scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Setup) -> Rows<'_>,
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "embedded",
        about: "durable appends in process, beside a bare fjall batch with the same indexes",
        run: |setup| Box::pin(embedded::run(setup)),
    },
    Scenario {
        name: "publish",
        about: "durable publishing over HTTP, beside durable-streams",
        run: |setup| Box::pin(publish::run(setup)),
    },
    Scenario {
        name: "hub",
        about: "a million tokens over the memory store to 1, 8 and 64 readers",
        run: |setup| Box::pin(hub::run(setup)),
    },
    Scenario {
        name: "emit",
        about: "nodes that emit flat out and paced, reading by a thread, and what a step of a graph costs",
        run: |setup| Box::pin(emit::run(setup)),
    },
    Scenario {
        name: "fan-out",
        about: "one stream to 1,000 readers over SSE, beside durable-streams",
        run: |setup| Box::pin(fan_out::run(setup)),
    },
    Scenario {
        name: "rate",
        about: "10,000 events/s over HTTP to 10 readers over SSE",
        run: |setup| Box::pin(rate::run(setup)),
    },
    Scenario {
        name: "catch-up",
        about: "a million events over one SSE connection, and resuming at the tail",
        run: |setup| Box::pin(catch_up::run(setup)),
    },
    Scenario {
        name: "idle",
        about: "5,000 SSE connections on which nothing happens",
        run: |setup| Box::pin(idle::run(setup)),
    },
    Scenario {
        name: "groups",
        about: "consume and ack by four workers, beside bare calls and the bare clients' groups",
        run: |setup| Box::pin(groups::run(setup)),
    },
    #[cfg(feature = "postgres")]
    Scenario {
        name: "outbox",
        about: "from transactions in PostgreSQL through one relay to the embedded log",
        run: |setup| Box::pin(outbox::run(setup)),
    },
    #[cfg(feature = "shared")]
    Scenario {
        name: "stores",
        about: "Redis, NATS and Kafka beside their bare clients: publish in batches, read back",
        run: |setup| Box::pin(stores::run(setup)),
    },
    #[cfg(feature = "shared")]
    Scenario {
        name: "latency",
        about: "from publish to subscriber over Redis, NATS and Kafka, beside their bare clients",
        run: |setup| Box::pin(latency::run(setup)),
    },
    #[cfg(feature = "shared")]
    Scenario {
        name: "readers",
        about: "10,000 readers of different runs through one gateway over Redis, NATS and Kafka",
        run: |setup| Box::pin(readers::run(setup)),
    },
];
