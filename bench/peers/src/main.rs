//! Measures the in-process event bus of another library once: `NAME READERS EVENTS`. Prints one line of JSON,
//! `{"per_second":…,"lost":…}`: deliveries a second in sum, and deliveries that some reader did not get.
//!
//! `headwater-bench hub` runs it in turn with our own hub.

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
    let [name, readers, events] = args.as_slice() else {
        bail!("usage: headwater-bench-peers weavegraph|ruststream READERS EVENTS");
    };
    let (readers, events) = (readers.parse().context("READERS")?, events.parse().context("EVENTS")?);
    let delivered = match name.as_str() {
        "weavegraph" => weavegraph::deliver(readers, events).await?,
        "ruststream" => ruststream::deliver(readers, events).await?,
        other => bail!("`{other}` is not known: there are weavegraph and ruststream"),
    };
    let per_second = delivered.deliveries as f64 / delivered.since.elapsed().as_secs_f64();
    let lost = readers * events - delivered.deliveries;
    println!("{}", serde_json::json!({ "per_second": per_second, "lost": lost }));
    Ok(())
}
