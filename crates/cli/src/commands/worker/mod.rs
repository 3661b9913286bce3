//! `headwater worker`: the stock workers, each a process of its own.

mod logs;
mod metrics;
mod postgres;
mod stage;

use std::process::ExitCode;

use crate::exit::BadConfig;

/// Flags of `worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// Which worker.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Count events and measure runs, for Prometheus
    Metrics(metrics::Args),
    /// Write a line of JSON for each event, and an audit file
    Logs(logs::Args),
    /// Write the state of runs to PostgreSQL
    Database(postgres::DatabaseArgs),
    /// Carry events from an outbox in PostgreSQL to the broker
    Outbox(postgres::OutboxArgs),
    /// Hand events to Temporal workflows
    Temporal,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Metrics(args) => metrics::run(args).await,
        What::Logs(args) => logs::run(args).await,
        What::Database(args) => postgres::database(args).await,
        What::Outbox(args) => postgres::outbox(args).await,
        What::Temporal => Err(absent("temporal", "temporal")),
    }
}

fn absent(worker: &str, feature: &str) -> anyhow::Error {
    BadConfig(format!("the {worker} worker is not in this build: it needs the feature `{feature}`")).into()
}
