//! `headwater worker database` and `headwater worker outbox`.

use std::process::ExitCode;

use super::stage::{BrokerArgs, StageArgs};

/// Flags of `worker database`.
#[derive(Debug, clap::Args)]
pub(crate) struct DatabaseArgs {
    #[command(flatten)]
    stage: StageArgs,

    #[command(flatten)]
    place: Place,

    /// Empty the tables first and fill them again from the log, as far back as it reaches
    #[arg(long)]
    rebuild: bool,
}

/// Flags of `worker outbox`.
#[derive(Debug, clap::Args)]
pub(crate) struct OutboxArgs {
    #[command(flatten)]
    broker: BrokerArgs,

    #[command(flatten)]
    place: Place,
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
pub(crate) use built::{database, outbox};

#[cfg(feature = "postgres")]
mod built {
    use std::sync::Arc;

    use anyhow::Context as _;
    use headwater::{
        EventPublisher,
        postgres::{
            self, Database, Relay, RelayOptions, Schema,
            database::{GROUP, RebuildError},
            sqlx::PgPool,
        },
    };
    use tokio_util::sync::CancellationToken;

    use super::{DatabaseArgs, ExitCode, OutboxArgs, Place};
    use crate::{
        commands::worker::stage,
        exit::BadConfig,
        signals::{self, Signals},
    };

    impl Place {
        /// A pool over a schema that is up to date.
        async fn open(&self) -> anyhow::Result<(PgPool, Schema)> {
            let schema: Schema = self.schema.parse().map_err(told)?;
            let pool = postgres::connect(&self.database).map_err(told)?;
            postgres::migrate(&pool, &schema).await.map_err(told).context("cannot prepare the database")?;
            Ok((pool, schema))
        }
    }

    pub(crate) async fn database(args: DatabaseArgs) -> anyhow::Result<ExitCode> {
        let signals = Signals::listen()?;
        let (pool, schema) = args.place.open().await?;
        let broker = args.stage.connect().await?;
        let database = Database::open(pool, schema).await.map_err(told)?;
        if args.rebuild {
            let (group, config) = (args.stage.group(GROUP)?, args.stage.config());
            let done = database.rebuild(&*broker, &group, config).await.map_err(|error| match error {
                RebuildError::Database(error) => told(error),
                other => other.into(),
            })?;
            eprintln!("headwater: emptied of {} updates, rebuilding from the log", done.updates);
        }
        let worker = args.stage.worker(broker.clone(), GROUP, database)?;
        eprintln!("headwater: writing into schema {}", args.place.schema);
        let done = stage::until_stopped(worker, signals).await;
        broker.close().await?;
        done
    }

    pub(crate) async fn outbox(args: OutboxArgs) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let (pool, schema) = args.place.open().await?;
        let broker = args.broker.connect().await?;
        let publisher: Arc<dyn EventPublisher> = broker.clone();
        let relay = Relay::new(pool, publisher, RelayOptions { schema, ..RelayOptions::default() });
        let stop = CancellationToken::new();
        let mut running = tokio::spawn(relay.run(stop.clone()));
        eprintln!("headwater: relaying from schema {}", args.place.schema);
        let done = tokio::select! {
            done = &mut running => done,
            () = signals.next() => {
                eprintln!("headwater: stopping; once more to stop at once");
                stop.cancel();
                tokio::select! {
                    done = running => done,
                    () = signals.next() => signals::die(),
                }
            }
        };
        done.context("the relay broke down")?.map_err(told)?;
        broker.close().await?;
        eprintln!("headwater: stopped");
        Ok(ExitCode::SUCCESS)
    }

    /// The error with its code; one of configuration ends the process with 64.
    fn told(error: postgres::Error) -> anyhow::Error {
        match error.is_config() {
            true => BadConfig(format!("{}: {error}", error.code())).into(),
            false => error.into(),
        }
    }
}

#[cfg(not(feature = "postgres"))]
pub(crate) use absent::{database, outbox};

#[cfg(not(feature = "postgres"))]
mod absent {
    use super::{DatabaseArgs, ExitCode, OutboxArgs};
    use crate::commands::worker::absent;

    pub(crate) async fn database(args: DatabaseArgs) -> anyhow::Result<ExitCode> {
        drop(args);
        Err(absent("database", "postgres"))
    }

    pub(crate) async fn outbox(args: OutboxArgs) -> anyhow::Result<ExitCode> {
        drop(args);
        Err(absent("outbox", "postgres"))
    }
}
