//! Connecting, and what may be wrong with the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use headwater_store::{Error, connection};

use crate::{
    NatsOptions, backoff,
    url::{Address, Login},
};

/// How long one attempt to connect may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server that says nothing for so long is asked whether it lives; the third time without an answer it is lost.
const PING: Duration = Duration::from_secs(2);
/// Where nobody listens: what a connection that must not come back is pointed at.
const NOWHERE: &str = "nats://127.0.0.1:1";

/// Whether a connection that was lost comes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// It does, with a growing pause.
    Yes,
    /// It never does: what was waiting in it is not sent behind the back of whoever sends it again.
    Never,
}

/// Connects to one of the servers; `heard` gets what happens to the connection.
pub(crate) async fn connect(
    address: &Address,
    options: &NatsOptions,
    back: Return,
    heard: impl Fn(Event) + Send + Sync + 'static,
) -> Result<Client, Error> {
    let heard = Arc::new(heard);
    let first = AtomicBool::new(true);
    let mut connection = ConnectOptions::new()
        .name("headwater")
        .connection_timeout(PATIENCE)
        .ping_interval(PING)
        .request_timeout(Some(options.timeout))
        .reconnect_delay_callback(move |attempt| {
            connection::tried(1);
            // The first connection is made at once; one that was lost never is.
            if first.swap(false, Ordering::Relaxed) { Duration::ZERO } else { backoff::pause(attempt + 1) }
        })
        .event_callback(move |event| {
            heard(event);
            async {}
        });
    if back == Return::Never {
        connection = connection.max_reconnects(address.servers.len()).ignore_discovered_servers();
    }
    connection = match &address.login {
        Some(Login::Password(user, password)) => connection.user_and_password(user.clone(), password.clone()),
        Some(Login::Token(token)) => connection.token(token.clone()),
        None => connection,
    };
    if let Some(path) = &options.credentials {
        let text = tokio::fs::read_to_string(path).await.map_err(|error| {
            Error::config(format_args!("the NATS credentials {} cannot be read: {error}", path.display()))
        })?;
        connection = connection
            .credentials(&text)
            .map_err(|_| Error::config(format_args!("{} holds no NATS credentials", path.display())))?;
    }
    if let Some(path) = &options.tls_ca {
        connection = connection.add_root_certificates(path.clone());
    }
    if address.tls {
        connection = connection.require_tls(true);
    }
    let client = connection.connect(address.servers.as_slice()).await.map_err(|e| refused(address, &e))?;
    if back == Return::Never {
        client
            .set_server_pool(NOWHERE)
            .await
            .map_err(|e| Error::unavailable(format_args!("{}: {e}", address.shown())))?;
    }
    Ok(client)
}

/// Why there is no connection, and what to do.
fn refused(address: &Address, error: &ConnectError) -> Error {
    let server = address.shown();
    let why = {
        use std::error::Error as _;
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !why.contains(&text) {
                why = format!("{why}: {text}");
            }
            source = cause.source();
        }
        why
    };
    let lower = why.to_lowercase();
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            Error::config(format_args!(
                "{server} refuses the user or password: set them in the URL (nats://user:password@…)"
            ))
        }
        _ if lower.contains("authorization") => Error::config(format_args!(
            "{server} refuses the user or password: set them in the URL (nats://user:password@…)"
        )),
        _ if lower.contains("certificate") => Error::config(format_args!(
            "{server}: its certificate is not trusted: `?tls_ca=FILE` names the authority that signed it ({why})"
        )),
        _ if error.kind() == ConnectErrorKind::Tls
            || ["tls", "corrupt message", "invalidcontenttype"].iter().any(|w| lower.contains(w)) =>
        {
            Error::config(format_args!(
                "{server}: no TLS with it: {why}; use tls:// or nats:// as the server does"
            ))
        }
        ConnectErrorKind::ServerParse => Error::config(format_args!("{server} is not an address: {why}")),
        _ => Error::unavailable(format_args!("{server}: {why}")),
    }
}

/// Whether the server has what is needed.
pub(crate) fn check(address: &Address, client: &Client) -> Result<(), Error> {
    let info = client.server_info();
    let server = address.shown();
    if version(&info.version) < (2, 10) {
        return Err(Error::config(format_args!(
            "{server} runs NATS {}: 2.10 or newer is needed",
            info.version
        )));
    }
    if !info.jetstream {
        return Err(Error::config(format_args!(
            "{server} runs without JetStream: start it with -js or a `jetstream` block"
        )));
    }
    Ok(())
}

/// Whether the server stores batches atomically.
pub(crate) fn has_atomic_batches(client: &Client) -> bool {
    version(&client.server_info().version) >= (2, 12)
}

/// Whether the server can forget single messages by time.
pub(crate) fn has_time_to_live(client: &Client) -> bool {
    version(&client.server_info().version) >= (2, 11)
}

fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.trim_start_matches('v').split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(version("2.9.25") < (2, 10));
        assert!(version("2.10.0-RC.1") >= (2, 10));
        assert!(version("v2.15.2") >= (2, 12));
        assert!(version("nonsense") < (2, 10));
    }
}
