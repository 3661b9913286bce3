//! Why PostgreSQL, or what was asked of it, is no use, and what the caller should do.

use std::{io, time::Duration};

use headwater_events::EventError;

use crate::Schema;

/// An error of outbox, inbox or database worker. Each kind is a decision for the caller; [`Error::code`] is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fix the input: an event cannot be published as it is. Nothing of its batch was enqueued.
    #[error("event {index}: {error}")]
    InvalidEvent {
        /// Which event of the batch, from 0.
        index: usize,
        /// What is wrong with it.
        error: EventError,
    },
    /// Fix the configuration: it cannot work.
    #[error("{detail}")]
    Config {
        /// What to change, without credentials.
        detail: String,
    },
    /// Run the migrations first: the schema is not there, or is of an older version.
    #[error(
        "schema {schema} is not up to date: run the migrations first, as `headwater_postgres::migrate` does"
    )]
    SchemaMissing {
        /// Which schema.
        schema: Schema,
    },
    /// Use a newer Headwater: a newer one has migrated the schema.
    #[error("schema {schema} is of version {found}, this Headwater knows {known}: use the newer one")]
    SchemaTooNew {
        /// Which schema.
        schema: Schema,
        /// Its version.
        found: i32,
        /// The newest version known here.
        known: i32,
    },
    /// Give the role its rights, or let somebody who has them run the SQL.
    #[error(
        "role {role} may not create what schema {schema} needs ({reason}); somebody who may should run:\n{sql}"
    )]
    SchemaRights {
        /// Which schema.
        schema: Schema,
        /// Who has no right.
        role: String,
        /// What the server said.
        reason: String,
        /// What to run.
        sql: String,
    },
    /// Try again later: the server is away, restarting or overloaded, or gave up a transaction for the sake of another.
    #[error("database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Read what it says: the server refused a statement, and will again.
    #[error("database refused: {0}")]
    Refused(#[source] sqlx::Error),
}

impl Error {
    /// The stable code: the name of the page in `docs/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidEvent { error, .. } => error.code().as_str(),
            Self::Config { .. } => "bad-configuration",
            Self::SchemaMissing { .. } => "schema-missing",
            Self::SchemaTooNew { .. } => "schema-too-new",
            Self::SchemaRights { .. } => "schema-rights",
            Self::Unavailable(_) => "database-unavailable",
            Self::Refused(_) => "database-refused",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the configuration must be changed: trying again does not help (exit code 64).
    #[must_use]
    pub const fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Config { .. }
                | Self::SchemaMissing { .. }
                | Self::SchemaTooNew { .. }
                | Self::SchemaRights { .. }
        )
    }

    /// An [`Error::Config`].
    pub(crate) fn config(detail: impl std::fmt::Display) -> Self {
        Self::Config { detail: detail.to_string() }
    }

    /// What an error of sqlx means to a caller that uses `schema`.
    pub(crate) fn of(schema: &Schema, error: sqlx::Error) -> Self {
        match state(&error) {
            // No such schema, table or column.
            Some("3F000" | "42P01" | "42703") => Self::SchemaMissing { schema: schema.clone() },
            _ => Self::from(error),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { Self::Unavailable(error) } else { Self::Refused(error) }
    }
}

/// Waits for the server no longer than `limit`: one that is halted, or behind a cable that was cut, says nothing at all.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        let why = format!("no answer within {limit:?}");
        Err(Error::Unavailable(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, why))))
    })
}

/// The SQLSTATE of an error that the server told.
pub(crate) fn state(error: &sqlx::Error) -> Option<&str> {
    match error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        Some(error) => Some(error.code()),
        None => None,
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Io(_) | E::PoolTimedOut | E::WorkerCrashed | E::Protocol(_) | E::BeginFailed => true,
        E::Database(_) => state(error).is_some_and(|state| {
            // Connection, rollback for another's sake, no resources, somebody intervened, the system itself.
            ["08", "40", "53", "57", "58"].iter().any(|class| state.starts_with(class))
                // A lock that did not come, and a server that is in recovery.
                || matches!(state, "55P03" | "25006")
        }),
        _ => false,
    }
}
