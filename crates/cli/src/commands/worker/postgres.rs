//! `headwater worker database` and `headwater worker outbox`.

use std::process::ExitCode;

use super::BrokerArgs;

/// Flags of `worker database`.
#[derive(Debug, clap::Args)]
pub(super) struct DatabaseArgs {
    #[command(flatten)]
    broker: BrokerArgs,

    #[command(flatten)]
    database: Place,

    /// Empty the tables first and fill them again from the log, as far back as it reaches
    #[arg(long)]
    rebuild: bool,
}

/// Flags of `worker outbox`.
#[derive(Debug, clap::Args)]
pub(super) struct OutboxArgs {
    #[command(flatten)]
    broker: BrokerArgs,

    #[command(flatten)]
    database: Place,
}

/// Where the tables are.
#[derive(Debug, clap::Args)]
struct Place {
    /// The database: postgres://USER:PASSWORD@HOST:PORT/DATABASE. Better given as HEADWATER_DATABASE, where other users of
    /// the machine do not see it
    #[arg(long, value_name = "URL")]
    database: String,

    /// The schema of the tables, which is made where it is missing
    #[arg(long, value_name = "NAME", default_value = "headwater")]
    schema: String,
}

#[cfg(feature = "postgres")]
pub(super) use built::{database, outbox};

#[cfg(feature = "postgres")]
mod built {
    use std::sync::Arc;

    use anyhow::Context as _;
    use headwater::{
        EventPublisher, GroupConfig,
        postgres::{self, Database, Relay, RelayOptions, Schema, sqlx::PgPool},
    };
    use tokio_util::sync::CancellationToken;

    use super::{DatabaseArgs, ExitCode, OutboxArgs, Place};
    use crate::{exit::BadConfig, signals::Signals};

    impl Place {
        /// A pool over a schema that is up to date.
        async fn open(&self) -> anyhow::Result<(PgPool, Schema)> {
            let schema: Schema = self.schema.parse().map_err(told)?;
            let pool = postgres::connect(&self.database).map_err(told)?;
            postgres::migrate(&pool, &schema).await.map_err(told).context("cannot prepare the database")?;
            Ok((pool, schema))
        }
    }

    pub(in super::super) async fn database(args: DatabaseArgs) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let (pool, schema) = args.database.open().await?;
        let broker = args.broker.connect().await?;
        let database = Database::open(pool, schema).await.map_err(told)?;
        let group = Database::group();
        if args.rebuild {
            let done = database.rebuild(&*broker, &group, GroupConfig::default()).await?;
            eprintln!("headwater: emptied of {} updates, rebuilding from the log", done.updates);
        }
        let worker = Database::worker(broker.clone(), group).build(database)?;
        eprintln!("headwater: writing into schema {} for {}", args.database.schema, args.broker.broker);
        let report = worker.run(signals.next()).await?;
        eprintln!("headwater: stopped: {report:?}");
        broker.close().await.context("cannot close the broker")?;
        Ok(ExitCode::SUCCESS)
    }

    pub(in super::super) async fn outbox(args: OutboxArgs) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let (pool, schema) = args.database.open().await?;
        let broker = args.broker.connect().await?;
        let publisher: Arc<dyn EventPublisher> = broker.clone();
        let relay = Relay::new(pool, publisher, RelayOptions { schema, ..RelayOptions::default() });
        let stop = CancellationToken::new();
        eprintln!("headwater: relaying from schema {} to {}", args.database.schema, args.broker.broker);
        let running = relay.run(stop.clone());
        tokio::pin!(running);
        tokio::select! {
            done = &mut running => done.map_err(told)?,
            () = signals.next() => {
                stop.cancel();
                running.await.map_err(told)?;
            }
        }
        broker.close().await.context("cannot close the broker")?;
        eprintln!("headwater: stopped");
        Ok(ExitCode::SUCCESS)
    }

    /// The error with its code; one of configuration ends the process with 64.
    fn told(error: postgres::Error) -> anyhow::Error {
        if error.is_config() { BadConfig(format!("{}: {error}", error.code())).into() } else { error.into() }
    }
}

#[cfg(not(feature = "postgres"))]
pub(super) async fn database(args: DatabaseArgs) -> anyhow::Result<ExitCode> {
    let _ = args.rebuild;
    Err(args.database.not_built(&args.broker))
}

#[cfg(not(feature = "postgres"))]
pub(super) async fn outbox(args: OutboxArgs) -> anyhow::Result<ExitCode> {
    Err(args.database.not_built(&args.broker))
}

#[cfg(not(feature = "postgres"))]
impl Place {
    fn not_built(&self, broker: &BrokerArgs) -> anyhow::Error {
        let _ = (&self.database, &self.schema, &broker.broker, &broker.token);
        let why =
            "PostgreSQL is not part of this build: add it with `cargo build --release --features postgres`";
        crate::exit::BadConfig(why.to_owned()).into()
    }
}
