//! Durable publishing over HTTP with the same lean client: single events on 64 connections, and batches of 100.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    Setup,
    data::{Template, stamp},
    http::Connection,
    stats::Sample,
    table::{Row, Wanted},
    target::{PEER, Target},
};

const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);

/// How a server is loaded.
#[derive(Clone, Copy)]
struct Load {
    what: &'static str,
    connections: usize,
    batch: usize,
    wanted: Wanted,
}

const LOADS: [Load; 3] = [
    Load {
        what: "HTTP publish, single events, 64 connections",
        connections: 64,
        batch: 1,
        wanted: Wanted::AtLeast(0.5),
    },
    Load {
        what: "HTTP publish, batches of 100, 1 connection",
        connections: 1,
        batch: 100,
        wanted: Wanted::AtLeast(0.5),
    },
    Load {
        what: "HTTP publish, batches of 100, 8 connections",
        connections: 8,
        batch: 100,
        wanted: Wanted::Nothing,
    },
];

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for load in LOADS {
        let mut samples = [Sample::default(), Sample::default()];
        for _ in 0..setup.runs {
            for (target, sample) in Target::BOTH.into_iter().zip(&mut samples) {
                sample.push(events_per_second(target, setup, load).await?);
            }
        }
        let [ours, theirs] = samples;
        rows.push(Row::beside(load.what, "ev/s", ours, (PEER, theirs), load.wanted));
    }
    Ok(rows)
}

/// One request in flight on each connection, each connection on a stream of its own.
async fn events_per_second(target: Target, setup: &Setup, load: Load) -> Result<f64> {
    let server = target.start(setup).await?;
    let stored = Arc::new(AtomicU64::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..load.connections {
        let stream = format!("run-{client}");
        target.create(server.address, &stream).await?;
        clients.spawn(publish(target, server.address, stream, load.batch, Arc::clone(&stored)));
    }
    let measured = async {
        tokio::time::sleep(WARM_UP).await;
        let (before, begin) = (stored.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(MEASURED).await;
        (stored.load(Ordering::Relaxed) - before) as f64 / begin.elapsed().as_secs_f64()
    };
    tokio::select! {
        rate = measured => Ok(rate),
        // A client goes on for ever unless it fails.
        Some(failed) = clients.join_next() => match failed?? {},
    }
}

/// Publishes batch after batch, each once the one before was answered.
async fn publish(
    target: Target,
    address: SocketAddr,
    stream: String,
    batch: usize,
    stored: Arc<AtomicU64>,
) -> Result<Infallible> {
    let mut template = Template::new(&stream);
    let mut connection = Connection::open(address).await?;
    let mut id = 0;
    loop {
        let request = match batch {
            1 => target.publish(&stream, template.json(id, stamp())),
            batch => target.publish_batch(&stream, &template.array(id, batch, stamp())),
        };
        connection.succeed(&request).await?;
        id += batch as u64;
        stored.fetch_add(batch as u64, Ordering::Relaxed);
    }
}
