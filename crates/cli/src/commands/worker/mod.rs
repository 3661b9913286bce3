//! `headwater worker`.

mod postgres;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Subcommand;
use headwater::{BrokerUrl, ConnectOptions, EventBroker};

use crate::config::BrokerUrlParser;

/// Flags of `worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write what workflows are doing into tables in PostgreSQL (the group db_writers)
    Database(postgres::DatabaseArgs),
    /// Carry events from an outbox in PostgreSQL to the broker
    Outbox(postgres::OutboxArgs),
}

/// The broker a worker works for.
#[derive(Debug, clap::Args)]
struct BrokerArgs {
    /// The broker to work for. The embedded log is reached through its server. With a password better given as
    /// HEADWATER_BROKER, where other users of the machine do not see it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7420", value_parser = BrokerUrlParser)]
    broker: BrokerUrl,

    /// Bearer token; better given as HEADWATER_TOKEN, where other users of the machine do not see it
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

impl BrokerArgs {
    async fn connect(&self) -> anyhow::Result<Arc<dyn EventBroker>> {
        let mut options = ConnectOptions::default();
        options.http.token.clone_from(&self.token);
        headwater::connect_with(&self.broker.with_credentials(), options)
            .await
            .with_context(|| format!("cannot open {}", self.broker))
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Database(args) => postgres::database(args).await,
        What::Outbox(args) => postgres::outbox(args).await,
    }
}
