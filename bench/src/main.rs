//! Side-by-side benchmarks: ours and others' in turn on one machine, printed as one table of ratios.
//!
//! `cargo xtask bench [NAME..]` builds everything for release and runs this. Nothing here is a test: figures are
//! printed with what was wanted of them, never asserted.

mod data;
mod http;
mod peers;
mod process;
mod scan;
mod scenarios;
#[cfg(feature = "shared")]
mod shared;
mod stats;
mod table;
mod target;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::table::Row;

/// What every scenario gets.
#[derive(Debug)]
struct Setup {
    /// The `headwater` program.
    server: PathBuf,
    /// The `durable-streams-server` program.
    peer: PathBuf,
    /// The `headwater-bench-peers` program, which measures event buses of other libraries.
    buses: PathBuf,
    /// How often each measurement is made, in turn with what it is compared to.
    runs: usize,
    /// The names of the shared stores that are measured; none is all.
    stores: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let (setup, names) = arguments()?;
    process::raise_file_limit()?;
    let mut rows: Vec<Row> = Vec::new();
    for scenario in scenarios::ALL {
        if names.is_empty() || names.iter().any(|name| name == scenario.name) {
            eprintln!("{}: {}", scenario.name, scenario.about);
            rows.extend((scenario.run)(&setup).await.with_context(|| scenario.name)?);
        }
    }
    print!("{}", table::render(&rows, setup.runs));
    Ok(())
}

fn arguments() -> Result<(Setup, Vec<String>)> {
    let mut setup = Setup {
        server: "headwater".into(),
        peer: "durable-streams-server".into(),
        buses: "headwater-bench-peers".into(),
        runs: 5,
        stores: Vec::new(),
    };
    let mut names = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--server" => setup.server = value()?.into(),
            "--peer" => setup.peer = value()?.into(),
            "--buses" => setup.buses = value()?.into(),
            "--runs" => setup.runs = value()?.parse()?,
            "--store" => setup.stores.push(value()?),
            name if scenarios::ALL.iter().any(|s| s.name == name) => names.push(arg),
            other => {
                let known: Vec<_> = scenarios::ALL.iter().map(|s| s.name).collect();
                bail!("unknown scenario `{other}`: there are {}", known.join(", "));
            }
        }
    }
    Ok((setup, names))
}
