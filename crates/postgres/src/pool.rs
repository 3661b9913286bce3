//! Connections.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgConnectOptions, postgres::PgPoolOptions};

use crate::Error;

/// How long a call waits for a connection before the server counts as away.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How many connections a pool of ours has at most.
const CONNECTIONS: u32 = 8;

/// A pool for `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with defaults that fit a relay or a worker. It connects with
/// the first call, so that a server that is away is no error here.
///
/// # Errors
/// [`Error::Config`] where the URL is none. It never repeats the URL.
pub fn connect(url: &str) -> Result<PgPool, Error> {
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(Error::config(
            "the database is not given as postgres://USER:PASSWORD@HOST:PORT/DATABASE",
        ));
    }
    let options: PgConnectOptions = url.parse().map_err(|_| {
        Error::config("the URL of the database cannot be read: check for characters to escape")
    })?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("headwater"),
    };
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE).connect_lazy_with(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_that_cannot_be_read_is_refused_without_its_password() {
        for url in ["redis://u:secret@h/0", "postgres://u:secret@h:port/db", "u:secret@h"] {
            let error = connect(url).unwrap_err();
            assert_eq!(error.code(), "bad-configuration");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
        assert!(connect("postgres://u:secret@localhost:1/db").is_ok());
    }
}
