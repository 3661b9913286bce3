//! Arrows point only downwards: which crate may use which.

use super::manifests::Package;

/// Our crates from the bottom up, each with those of ours it may use. Dev-dependencies are free.
const MAY_USE: &[(&str, &[&str])] = &[
    ("headwater-events", &[]),
    ("headwater-store", &["headwater-events"]),
    ("headwater-embedded", &["headwater-events", "headwater-store"]),
    ("headwater-redis", &["headwater-events", "headwater-store"]),
    ("headwater-nats", &["headwater-events", "headwater-store"]),
    ("headwater-kafka", &["headwater-events", "headwater-store"]),
    ("headwater-broker", &["headwater-events", "headwater-store"]),
    ("headwater-client", &["headwater-events", "headwater-store", "headwater-broker"]),
    ("headwater-worker", &["headwater-events", "headwater-store", "headwater-broker"]),
    ("headwater-postgres", &["headwater-events", "headwater-store", "headwater-broker", "headwater-worker"]),
    ("headwater-bus", &["headwater-events", "headwater-store", "headwater-broker"]),
    (
        "headwater-runtime",
        &["headwater-events", "headwater-store", "headwater-broker", "headwater-client", "headwater-bus"],
    ),
    ("headwater-gateway", &["headwater-events", "headwater-store", "headwater-broker"]),
    (
        "headwater",
        &[
            "headwater-events",
            "headwater-store",
            "headwater-embedded",
            "headwater-redis",
            "headwater-nats",
            "headwater-kafka",
            "headwater-broker",
            "headwater-bus",
            "headwater-client",
            "headwater-postgres",
            "headwater-gateway",
            "headwater-worker",
            "headwater-runtime",
        ],
    ),
    ("headwater-cli", &["headwater", "headwater-embedded"]),
    // Starts brokers for the tests of all the others.
    ("headwater-test-servers", &[]),
    // Tools stand beside the crates and may use all of them.
    (
        "headwater-bench",
        &[
            "headwater",
            "headwater-test-servers",
            "headwater-events",
            "headwater-store",
            "headwater-embedded",
            "headwater-redis",
            "headwater-nats",
            "headwater-kafka",
            "headwater-broker",
            "headwater-bus",
            "headwater-client",
            "headwater-postgres",
            "headwater-gateway",
            "headwater-worker",
            "headwater-runtime",
        ],
    ),
    // The end-to-end tests see the server as a user does: as a program, never as a library.
    ("headwater-e2e", &["headwater-test-servers"]),
    ("xtask", &[]),
];

/// What a crate must never use, however handy: I/O in the vocabulary, HTTP below the gateway, a store's engine
/// anywhere but in that store.
const NEVER: &[(&str, &[&str])] = &[
    (
        "headwater-events",
        &["tokio", "futures-util", "async-trait", "axum", "hyper", "reqwest", "fjall", "metrics"],
    ),
    ("headwater-store", &["axum", "hyper", "http", "reqwest", "fjall"]),
    ("headwater-embedded", &["axum", "hyper", "http", "reqwest"]),
    ("headwater-redis", &["axum", "hyper", "http", "reqwest", "fjall", "async-nats", "rdkafka"]),
    ("headwater-nats", &["axum", "hyper", "http", "reqwest", "fjall", "redis", "rdkafka"]),
    ("headwater-kafka", &["axum", "hyper", "http", "reqwest", "fjall", "redis", "async-nats"]),
    ("headwater-broker", &["axum", "hyper", "http", "reqwest", "fjall"]),
    ("headwater-bus", &["axum", "hyper", "http", "reqwest", "fjall"]),
    ("headwater-client", &["axum", "fjall"]),
    ("headwater-worker", &["axum", "hyper", "http", "reqwest", "fjall"]),
    ("headwater-postgres", &["axum", "hyper", "http", "reqwest", "fjall", "redis", "async-nats", "rdkafka"]),
    ("headwater-runtime", &["axum", "hyper", "fjall", "clap"]),
    ("headwater-gateway", &["fjall", "reqwest", "clap"]),
    ("headwater", &["fjall", "redis", "async-nats", "rdkafka", "axum", "clap"]),
    ("headwater-cli", &["fjall", "redis", "async-nats", "rdkafka", "axum"]),
];

/// Names every arrow that points up, every forbidden dependency, and every crate that has no place yet.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|p| p.ours) {
        let name = package.name.as_str();
        let Some(allowed) = lookup(MAY_USE, name) else {
            found.push(format!("{name}: has no place in xtask/src/tidy/layers.rs"));
            continue;
        };
        let never = lookup(NEVER, name).unwrap_or_default();
        for need in package.needs.iter().map(String::as_str) {
            let ours = packages.iter().any(|p| p.ours && p.name == need);
            if ours && !allowed.contains(&need) {
                found.push(format!("{name}: must not depend on {need}"));
            }
            if never.contains(&need) {
                found.push(format!("{name}: must never depend on {need}"));
            }
        }
    }
    found
}

fn lookup(table: &[(&str, &'static [&'static str])], name: &str) -> Option<&'static [&'static str]> {
    table.iter().find(|(have, _)| *have == name).map(|(_, list)| *list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, needs: &[&str]) -> Package {
        let needs = needs.iter().map(ToString::to_string).collect();
        Package { name: name.to_owned(), ours: true, needs, ..Package::default() }
    }

    #[test]
    fn downward_arrows_pass() {
        let packages =
            [ours("headwater-events", &["bytes"]), ours("headwater-store", &["headwater-events", "tokio"])];
        assert_eq!(check(&packages), Vec::<String>::new());
    }

    #[test]
    fn upward_arrows_io_below_and_strangers_are_told() {
        let packages = [
            ours("headwater-events", &["headwater-store", "tokio"]),
            ours("headwater-store", &[]),
            ours("headwater-novelty", &[]),
        ];
        let found = check(&packages).join("\n");
        assert!(found.contains("headwater-events: must not depend on headwater-store"));
        assert!(found.contains("headwater-events: must never depend on tokio"));
        assert!(found.contains("headwater-novelty: has no place"));
    }

    #[test]
    fn the_table_itself_points_down() {
        for (at, (name, uses)) in MAY_USE.iter().enumerate() {
            for used in *uses {
                let below = MAY_USE[..at].iter().any(|(have, _)| have == used);
                assert!(below, "{name} is listed above {used}");
            }
        }
    }
}
