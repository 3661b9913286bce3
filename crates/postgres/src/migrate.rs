//! Migrations: the schema and its tables, as this version needs them.

use sqlx::{Executor as _, PgConnection, PgPool};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, Schema, error::state, sql::sql};

/// Every step from nothing to now. A step that was released never changes.
const STEPS: &[(i32, &str, &str)] = &[
    (1, "outbox", include_str!("../migrations/1_outbox.sql")),
    (2, "inbox", include_str!("../migrations/2_inbox.sql")),
    (3, "database", include_str!("../migrations/3_database.sql")),
];

const CREATE: &str = "CREATE SCHEMA IF NOT EXISTS {schema}";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS {schema}.migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)";

/// What migrating did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 where there was nothing.
    pub from: i32,
    /// The version now.
    pub to: i32,
}

/// Makes the schema, or brings it up to date, in one transaction: it is done whole or not at all. Several processes may
/// do so at once; the others wait for the first and find nothing to do. What is up to date takes no rights to create
/// anything.
///
/// # Errors
/// [`Error::SchemaTooNew`] where a newer Headwater was there first; [`Error::SchemaRights`] with the SQL to run where
/// the role may not create what is needed; [`Error::Config`] where the database is not encoded in UTF-8.
pub async fn migrate(pool: &PgPool, schema: &Schema) -> Result<Migrated, Error> {
    let mut tx = pool.begin().await?;
    // Before anything is looked at: who comes second sees what the first has done.
    let lock = xxh3_64(format!("headwater/{schema}").as_bytes()).cast_signed();
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *tx).await?;
    let from = match version(&mut tx, schema).await {
        Ok(found) => found.unwrap_or(0),
        Err(error) => {
            drop(tx);
            return Err(explain(pool, schema, 0, error).await);
        }
    };
    let known = newest();
    if from > known {
        return Err(Error::SchemaTooNew { schema: schema.clone(), found: from, known });
    }
    if from < known {
        check_encoding(&mut tx).await?;
        if let Err(error) = apply(&mut tx, schema, from).await {
            // The transaction is of no more use.
            drop(tx);
            return Err(explain(pool, schema, from, error).await);
        }
    }
    tx.commit().await?;
    if from < known {
        tracing::info!(%schema, from, to = known, "migrated");
    }
    Ok(Migrated { from, to: known })
}

/// The SQL of all steps behind version `from` (0: of all), for somebody else to run in one transaction.
#[must_use]
pub fn migrations(schema: &Schema, from: i32) -> String {
    let mut text = String::from("BEGIN;\n");
    for statement in [CREATE, TABLE] {
        text.push_str(sql(schema, statement).as_str());
        text.push_str(";\n");
    }
    for (version, name, step) in STEPS.iter().filter(|(version, ..)| *version > from) {
        text.push_str(sql(schema, step).as_str());
        let note =
            format!("INSERT INTO \"{schema}\".migrations (version, name) VALUES ({version}, '{name}');\n");
        text.push_str(&note);
    }
    text.push_str("COMMIT;\n");
    text
}

/// Whether the schema is what this version needs.
///
/// # Errors
/// [`Error::SchemaMissing`], [`Error::SchemaTooNew`].
pub(crate) async fn check(pool: &PgPool, schema: &Schema) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    let known = newest();
    match version(&mut connection, schema).await.map_err(|error| Error::of(schema, error))? {
        Some(found) if found > known => Err(Error::SchemaTooNew { schema: schema.clone(), found, known }),
        Some(found) if found == known => Ok(()),
        _ => Err(Error::SchemaMissing { schema: schema.clone() }),
    }
}

fn newest() -> i32 {
    STEPS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// The version of the schema, if it is there at all.
async fn version(connection: &mut PgConnection, schema: &Schema) -> Result<Option<i32>, sqlx::Error> {
    // Asked of the catalogue, which everybody may read.
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = 'migrations')",
    )
    .bind(schema.as_str())
    .fetch_one(&mut *connection)
    .await?;
    if !there {
        return Ok(None);
    }
    let newest = sql(schema, "SELECT coalesce(max(version), 0) FROM {schema}.migrations");
    sqlx::query_scalar(newest).fetch_one(connection).await.map(Some)
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), Error> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(connection).await?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::config(format!(
        "the database is encoded in {encoding}: events are UTF-8, use a database that is"
    )))
}

async fn apply(connection: &mut PgConnection, schema: &Schema, from: i32) -> Result<(), sqlx::Error> {
    // Who may not create schemas may still be given one.
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
        .bind(schema.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        connection.execute(sqlx::raw_sql(sql(schema, CREATE))).await?;
    }
    connection.execute(sqlx::raw_sql(sql(schema, TABLE))).await?;
    for (version, name, step) in STEPS.iter().filter(|(version, ..)| *version > from) {
        connection.execute(sqlx::raw_sql(sql(schema, step))).await?;
        let note = sql(schema, "INSERT INTO {schema}.migrations (version, name) VALUES ($1, $2)");
        sqlx::query(note).bind(version).bind(name).execute(&mut *connection).await?;
    }
    Ok(())
}

/// An error of the steps, with what to do where it is one of rights.
async fn explain(pool: &PgPool, schema: &Schema, from: i32, error: sqlx::Error) -> Error {
    if state(&error) != Some("42501") {
        return error.into();
    }
    let role: Result<String, _> = sqlx::query_scalar("SELECT current_user::text").fetch_one(pool).await;
    let role = role.unwrap_or_default();
    let grants = format!(
        "GRANT USAGE ON SCHEMA \"{schema}\" TO \"{role}\";\n\
         GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA \"{schema}\" TO \"{role}\";\n\
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"{schema}\" TO \"{role}\";\n"
    );
    Error::SchemaRights {
        schema: schema.clone(),
        role,
        reason: error.to_string(),
        sql: migrations(schema, from) + &grants,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_a_hole() {
        for (at, (version, ..)) in STEPS.iter().enumerate() {
            assert_eq!(usize::try_from(*version).unwrap(), at + 1);
        }
    }
}
