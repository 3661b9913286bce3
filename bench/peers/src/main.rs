//! Measures the in-process event bus of another library once: `NAME READERS EVENTS EMITTERS`. Prints one line of JSON,
//! `{"per_second":…,"lost":…}`: deliveries a second in sum, and deliveries that some reader did not get.
//!
//! `headwater-bench hub` and `emit` run it in turn with our own.

mod ruststream;
mod weavegraph;

use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// The text of every token.
const TOKEN: &str = "token ";

/// What one measurement gave.
struct Delivered {
    /// Deliveries to all readers together.
    deliveries: u64,
    /// When the first event was about to be published.
    since: Instant,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, readers, events, emitters] = args.as_slice() else {
        bail!("usage: headwater-bench-peers weavegraph|ruststream READERS EVENTS EMITTERS");
    };
    let (readers, events) = (readers.parse().context("READERS")?, events.parse().context("EVENTS")?);
    let emitters = emitters.parse().context("EMITTERS")?;
    let delivered = match name.as_str() {
        "weavegraph" => weavegraph::deliver(readers, events, emitters).await?,
        "ruststream" if emitters == 1 => ruststream::deliver(readers, events).await?,
        "ruststream" => bail!("ruststream is measured with one publisher"),
        other => bail!("`{other}` is not known: there are weavegraph and ruststream"),
    };
    let per_second = delivered.deliveries as f64 / delivered.since.elapsed().as_secs_f64();
    let lost = readers * events - delivered.deliveries;
    println!("{}", serde_json::json!({ "per_second": per_second, "lost": lost }));
    Ok(())
}
