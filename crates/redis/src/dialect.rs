//! Plain Redis streams, for clients that know nothing of Headwater: `XADD events:<type> * data <json>`.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use headwater_events::{Event, dialect};
use headwater_store::{Error, Version};
use redis::{Cmd, RedisError, Value, aio::MultiplexedConnection};
use tokio::sync::Mutex;

use crate::{
    RedisOptions,
    connect::Connector,
    failure::{self, Failure},
    reply, script,
    target::{Target, check_namespace},
};

/// Writes events as an agent bus does: one stream for each type, one field `data` for each event, for plain clients
/// and their consumer groups.
///
/// Nothing reads them back here. So that a writer who goes on after a crash writes nothing twice, a mark is kept
/// beside the events and written with them by one script.
pub struct PlainStreams {
    connector: Connector,
    namespace: String,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl PlainStreams {
    /// Connects to the server at a URL, as [`RedisStore`](crate::RedisStore) does. The namespace is only that of the
    /// marks: the streams are named `events:<type>`.
    ///
    /// # Errors
    /// [`Error::Config`]: the URL, the user or the server cannot work. [`Error::Unavailable`]: the server is away.
    pub fn open<'a>(url: &'a str, options: &'a RedisOptions) -> BoxFuture<'a, Result<Self, Error>> {
        // Boxed here, so that what it drives is compiled with this crate and not again in each that calls it.
        Box::pin(Self::start(url, options))
    }

    async fn start(url: &str, options: &RedisOptions) -> Result<Self, Error> {
        let target = Target::parse(url)?;
        let namespace = match &target.namespace {
            Some(namespace) => namespace.clone(),
            None => check_namespace(&options.namespace)?.to_owned(),
        };
        let connector = Connector::new(target, options).await?;
        let this = Self { connector, namespace, connection: Mutex::new(None) };
        this.connected().await?;
        Ok(this)
    }

    /// The mark that was written last under a name, and its version.
    ///
    /// # Errors
    /// The server is away, or the mark is not ours.
    pub async fn mark(&self, name: &str) -> Result<Option<(Version, Bytes)>, Error> {
        let mut connection = self.connected().await?;
        let mut command = Cmd::new();
        command.arg("HGET").arg(format!("{}:mirror", self.namespace)).arg(name);
        let answer = connection.send_packed_command(&command).await.and_then(Value::extract_error);
        let found = match answer {
            Ok(Value::Nil) => return Ok(None),
            Ok(value) => reply::bytes(value)?,
            Err(error) => return Err(self.failed(&error).await),
        };
        let digits = found.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&found[..digits]).ok().and_then(|digits| digits.parse().ok());
        let foreign = || Error::corrupt(None, "a mark in Redis is not ours");
        Ok(Some((Version(number.ok_or_else(foreign)?), found.slice((digits + 1).min(found.len())..))))
    }

    /// Writes events in their order, and the mark over the version it was read with, all or nothing. Gives the mark's new
    /// version.
    ///
    /// # Errors
    /// [`Error::Conflict`]: somebody else has moved the mark. [`Error::Unknown`]: look at the mark, which says whether
    /// they were written.
    pub async fn write(
        &self,
        events: &[Event],
        name: &str,
        expected: Option<Version>,
        mark: &[u8],
    ) -> Result<Version, Error> {
        let mut connection = self.connected().await?;
        let before = expected.map_or(0, |version| version.0);
        let now = Version(before + 1);
        let stamped = [now.0.to_string().as_bytes(), b" ", mark].concat();
        let bodies: Vec<Vec<u8>> =
            events.iter().map(dialect::agent_bus).collect::<Result<_, _>>().map_err(|error| {
                Error::corrupt(None, format_args!("an event's data is not JSON: {error}"))
            })?;
        let before = before.to_string();
        let mut args = vec![self.namespace.as_bytes(), name.as_bytes(), before.as_bytes(), &stamped];
        for (event, body) in events.iter().zip(&bodies) {
            args.extend([dialect::agent_bus_name(event).as_bytes(), body]);
        }
        match script::DIALECT.run(&mut connection, &args).await {
            Ok(_) => Ok(now),
            Err(error) if error.code() == Some("HWMARK") => Err(Error::Conflict { expected, found: None }),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    async fn connected(&self) -> Result<MultiplexedConnection, Error> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let at = self.connector.find().await?;
        let (fresh, _) = self.connector.open(&at, None).await?;
        Ok(connection.insert(fresh).clone())
    }

    /// The next call connects anew.
    async fn failed(&self, error: &RedisError) -> Error {
        let at = |reason: String| format!("Redis at {}: {reason}", self.connector.shown());
        let error = match failure::sort(error) {
            Failure::Full(reason) => return Error::Full { reason: at(reason) },
            Failure::Damaged(reason) => return Error::corrupt(None, at(reason)),
            Failure::Refused(reason) => return Error::config(at(reason)),
            Failure::NoAnswer(reason) => Error::Unknown { reason: at(reason) },
            Failure::NotThere(reason) => Error::Unavailable { reason: at(reason) },
            Failure::Replaced | Failure::Restarted => {
                Error::unavailable(at("it was started anew".to_owned()))
            }
        };
        *self.connection.lock().await = None;
        error
    }
}

impl fmt::Debug for PlainStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainStreams").field("server", &self.connector.shown()).finish_non_exhaustive()
    }
}
