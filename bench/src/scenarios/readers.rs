//! 10,000 readers of different runs through one gateway over a shared store: what they share upstream.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinSet;

use crate::{
    Setup,
    data::Template,
    http::Connection,
    process::Process,
    scan::Scanner,
    shared::{Kind, SharedServer},
    stats::Sample,
    table::{Row, Wanted},
    target::Target,
};

const READERS: usize = 10_000;
const FEW: usize = 10;
/// How many readers connect at a time.
const AT_ONCE: usize = 64;
/// How many runs one request writes to.
const BATCH: usize = 500;
/// How many connections to a broker count as bounded: clients of Kafka have several for each purpose.
const BOUND: f64 = 32.0;
/// How long all readers together may take to get what was published.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Seen {
    connections: Sample,
    connections_few: Sample,
    tails: Sample,
    memory: Sample,
    opened: Sample,
    delivered: Sample,
    missing: Sample,
}

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for kind in Kind::chosen(setup) {
        let mut seen = Seen::default();
        for _ in 0..setup.runs.min(3) {
            measure(kind, setup, &mut seen).await.with_context(|| kind.name())?;
        }
        let what = format!("10,000 readers of runs over {}", kind.name());
        let few = ("10 readers", seen.connections_few);
        let beside = seen.connections.clone();
        rows.push(Row::alone(
            format!("{what}: broker connections"),
            "",
            seen.connections,
            Wanted::AtMost(BOUND),
        ));
        rows.push(Row::beside(format!("{what}: broker connections"), "", beside, few, Wanted::AtMost(1.5)));
        if let Some(name) = tails_name(kind) {
            rows.push(Row::alone(format!("{what}: {name}"), "", seen.tails, Wanted::AtMost(2.0)));
        }
        rows.push(Row::alone(
            format!("{what}: gateway memory each"),
            "KiB",
            seen.memory,
            Wanted::AtMost(20.0),
        ));
        rows.push(Row::alone(format!("{what}: connected"), "a second", seen.opened, Wanted::Nothing));
        rows.push(Row::alone(format!("{what}: one event to each"), "ev/s", seen.delivered, Wanted::Nothing));
        rows.push(Row::alone(format!("{what}: not delivered"), "events", seen.missing, Wanted::AtMost(0.0)));
    }
    Ok(rows)
}

async fn measure(kind: Kind, setup: &Setup, seen: &mut Seen) -> Result<()> {
    let broker = SharedServer::start(kind).await?;
    let gateway = Process::start(|address, _| {
        let mut command = Command::new(&setup.server);
        command.args(["serve", "--listen", &address.to_string(), "--broker", broker.url()]);
        command
    })
    .await?;
    publish(&gateway, 0).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = gateway.rss_kib()?;
    let mut readers = JoinSet::new();
    for run in 0..FEW {
        readers.spawn(read_two(listen(&gateway, run).await?));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.connections_few.push(gateway.connections_to(broker.address().port())? as f64);
    let begin = Instant::now();
    let mut opening = stream::iter((FEW..READERS).map(|run| listen(&gateway, run))).buffer_unordered(AT_ONCE);
    while let Some(connection) = opening.try_next().await? {
        readers.spawn(read_two(connection));
    }
    drop(opening);
    seen.opened.push((READERS - FEW) as f64 / begin.elapsed().as_secs_f64());
    // Whatever was needed to read the history of all those runs has had time to be given back.
    tokio::time::sleep(Duration::from_secs(5)).await;
    seen.connections.push(gateway.connections_to(broker.address().port())? as f64);
    seen.memory.push((gateway.rss_kib()? - before) / READERS as f64);
    seen.tails.extend(tails(&broker).await?);
    let begin = Instant::now();
    publish(&gateway, 1).await?;
    let mut got = 0;
    let all = async {
        while let Some(done) = readers.join_next().await {
            got += usize::from(done.is_ok_and(|read| read.is_ok()));
        }
    };
    // Those that came to nothing are counted.
    let _ = tokio::time::timeout(PATIENCE, all).await;
    seen.delivered.push(got as f64 / begin.elapsed().as_secs_f64());
    seen.missing.push((READERS - got) as f64);
    eprintln!("{}: {got} of {READERS} readers got everything", kind.name());
    Ok(())
}

/// Connects a reader of a run, from its beginning.
async fn listen(gateway: &Process, run: usize) -> Result<Connection> {
    let mut connection = Connection::open(gateway.address).await?;
    connection.listen(&Target::Headwater.live(&format!("run-{run}")), &[]).await?;
    Ok(connection)
}

/// Waits for the event that was there and for the one that comes.
async fn read_two(mut connection: Connection) -> Result<()> {
    let (mut scanner, mut got) = (Scanner::default(), 0);
    while got < 2 {
        scanner.feed(connection.next().await?, |_| got += 1);
        connection.done();
    }
    Ok(())
}

/// One event into each run.
async fn publish(gateway: &Process, id: u64) -> Result<()> {
    let mut connection = Connection::open(gateway.address).await?;
    for first in (0..READERS).step_by(BATCH) {
        let mut array = vec![b'['];
        for run in first..first + BATCH {
            if run > first {
                array.push(b',');
            }
            array.extend_from_slice(Template::new(&format!("run-{run}")).json(id, 0));
        }
        array.push(b']');
        connection.succeed(&Target::Headwater.publish_batch("", &array)).await?;
    }
    Ok(())
}

/// What the broker counts beside connections.
const fn tails_name(kind: Kind) -> Option<&'static str> {
    match kind {
        #[cfg(feature = "redis")]
        Kind::Redis => Some("blocking reads"),
        #[cfg(feature = "nats")]
        Kind::Nats => Some("consumers"),
        #[cfg(feature = "kafka")]
        Kind::Kafka => None,
    }
}

async fn tails(broker: &SharedServer) -> Result<Option<f64>> {
    Ok(match broker.kind {
        #[cfg(feature = "redis")]
        Kind::Redis => {
            let mut connection =
                redis::Client::open(broker.url())?.get_multiplexed_async_connection().await?;
            let info: String = redis::cmd("INFO").arg("clients").query_async(&mut connection).await?;
            let blocked = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
            Some(blocked.context("no blocked_clients")?.trim().parse()?)
        }
        #[cfg(feature = "nats")]
        Kind::Nats => {
            use futures_util::TryStreamExt as _;
            let context = async_nats::jetstream::new(async_nats::connect(broker.url()).await?);
            let streams: Vec<_> = context.streams().try_collect().await?;
            Some(streams.iter().map(|stream| stream.state.consumer_count).sum::<usize>() as f64)
        }
        #[cfg(feature = "kafka")]
        Kind::Kafka => None,
    })
}
