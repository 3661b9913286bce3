//! Idle: 5,000 readers over server-sent events to whom nothing happens.

use std::time::Duration;

use anyhow::Result;

use crate::{
    Setup,
    data::Template,
    http::Connection,
    stats::Sample,
    table::{Row, Wanted},
    target::Target,
};

const READERS: usize = 5_000;
/// Longer than the heartbeat, so that its cost is in.
const WATCHED: Duration = Duration::from_secs(20);

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let (mut memory, mut cpu) = (Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        let (kib, percent) = measure(setup).await?;
        memory.push(kib);
        cpu.push(percent);
    }
    let what = "5,000 idle SSE connections";
    Ok(vec![
        Row::alone(format!("{what}: server memory each"), "KiB", memory, Wanted::AtMost(20.0)),
        Row::alone(format!("{what}: server CPU"), "% of a core", cpu, Wanted::AtMost(2.0)),
    ])
}

/// Memory for each connection in KiB, and processor time in percent of one core.
async fn measure(setup: &Setup) -> Result<(f64, f64)> {
    let target = Target::Headwater;
    let server = target.start(setup).await?;
    let mut connection = Connection::open(server.address).await?;
    connection.succeed(&target.publish("run-1", Template::new("run-1").json(0, 0))).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.rss_kib()?;

    let mut readers = Vec::with_capacity(READERS);
    for reader in 0..READERS {
        let mut connection = Connection::open(server.address).await?;
        // A few on each stream: neither one stream for all nor all alone.
        connection.listen(&target.live(&format!("run-{}", reader / 10)), &[]).await?;
        readers.push(connection);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (held, used) = (server.rss_kib()?, server.cpu_seconds()?);
    tokio::time::sleep(WATCHED).await;
    let used = server.cpu_seconds()? - used;
    drop(readers);
    Ok(((held - before) / READERS as f64, used / WATCHED.as_secs_f64() * 100.0))
}
