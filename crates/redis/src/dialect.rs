//! Events for plain Redis clients and their consumer groups: one stream for each type, one field with JSON.
//!
//! ```text
//! XADD events:workflow.started * data {"id":…,"type":"workflow.started","workflow_id":…,"timestamp":…,"data":{…},
//!                                      "source_agent":"coordinator","metadata":{…}}
//! ```

use std::time::Duration;

use headwater_events::{Data, Event, catalogue, dialect};
use headwater_store::Error;
use redis::aio::MultiplexedConnection;
use serde_json::{Map, Value, value::RawValue};
use tokio::sync::Mutex;
use xxhash_rust::xxh3::xxh3_128;

use crate::{RedisOptions, connect::Connector, failure, reply, script, target::Target};

/// Writes events where plain Redis clients read them: into `events:<type>`, with one field `data`.
///
/// It is a view for others and nothing of Headwater reads it back.
pub struct SeedDialect {
    connector: Connector,
    namespace: String,
    options: DialectOptions,
    /// Made again when it was lost; one write at a time, so that the order is that of the calls.
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// How a [`SeedDialect`] writes.
#[derive(Debug, Clone)]
pub struct DialectOptions {
    /// How long an event that was written is remembered, so that writing it again does nothing: a day by default.
    pub remember: Duration,
    /// About the most entries of one stream; the oldest go. All are kept by default.
    pub max_entries: Option<u64>,
}

impl Default for DialectOptions {
    fn default() -> Self {
        Self { remember: Duration::from_secs(24 * 3600), max_entries: None }
    }
}

impl SeedDialect {
    /// Connects to a server by the same URLs as [`RedisStore`](crate::RedisStore).
    ///
    /// # Errors
    /// As [`RedisStore::connect`](crate::RedisStore::connect).
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, DialectOptions::default()).await
    }

    /// As [`connect`](Self::connect), with options.
    ///
    /// # Errors
    /// As [`RedisStore::connect`](crate::RedisStore::connect).
    pub async fn connect_with(url: &str, options: DialectOptions) -> Result<Self, Error> {
        let target = Target::parse(url)?;
        let defaults = RedisOptions::default();
        let namespace = target.namespace.clone().unwrap_or_else(|| defaults.namespace.clone());
        let connector = Connector::new(target, &defaults);
        let (connection, _) = connector.open(&connector.find().await?, None).await?;
        Ok(Self { connector, namespace, options, connection: Mutex::new(Some(connection)) })
    }

    /// Writes events in their order, all or none, and gives how many were new: one that was written lately is not
    /// written again.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was written. [`Error::Unknown`]: writing again is safe.
    pub async fn write(&self, events: &[Event]) -> Result<usize, Error> {
        if events.is_empty() {
            return Ok(0);
        }
        let marks = format!("{}:seen:", self.namespace);
        let remember = self.options.remember.as_secs().max(1).to_string();
        let most = self.options.max_entries.unwrap_or(0).to_string();
        let words: Vec<[String; 3]> = events.iter().map(|event| [key(event), mark(event), data(event)]).collect();
        let head = [&marks, &remember, &most];
        let args: Vec<&[u8]> = head.into_iter().chain(words.iter().flatten()).map(|word| word.as_bytes()).collect();
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connector.open(&self.connector.find().await?, None).await?.0,
        };
        match script::DIALECT.run(&mut connection, &args).await {
            Ok(new) => {
                *slot = Some(connection);
                usize::try_from(reply::number(&new)?).map_err(|_| reply::strange())
            }
            Err(error) => Err(match failure::sort(&error) {
                failure::Failure::Full(reason) => Error::Full { reason },
                failure::Failure::Refused(reason) => Error::config(reason),
                failure::Failure::Damaged(reason) => Error::corrupt(None, reason),
                failure::Failure::NoAnswer(reason) => Error::Unknown { reason },
                other => Error::unavailable(format_args!("{}: {other:?}", self.connector.shown())),
            }),
        }
    }
}

impl std::fmt::Debug for SeedDialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeedDialect").field("server", &self.connector.shown()).finish_non_exhaustive()
    }
}

/// The name of an event's type without its version.
fn name(event: &Event) -> &str {
    let unversioned = catalogue::split_version(event.ty()).0;
    dialect::name_in(dialect::Dialect::Dotted, event.ty()).unwrap_or(unversioned)
}

fn key(event: &Event) -> String {
    format!("events:{}", name(event))
}

/// What stands for (tenant, source, id).
fn mark(event: &Event) -> String {
    let tenant = event.tenant().unwrap_or("default");
    format!("{:032x}", xxh3_128(format!("{tenant}\0{}\0{}", event.source(), event.id()).as_bytes()))
}

fn data(event: &Event) -> String {
    let quote = |text: &str| Value::from(text).to_string();
    let agent = event.source().rsplit('/').find(|part| !part.is_empty()).unwrap_or(event.source());
    let payload = match event.data() {
        Data::Json(text) => text.to_string(),
        Data::Binary(_) => "null".to_owned(),
        Data::None => "{}".to_owned(),
    };
    // A payload is JSON already; what is not would break the line.
    let payload = serde_json::from_str::<&RawValue>(&payload).map_or("null", RawValue::get);
    let mut metadata = Map::new();
    let known = [
        ("type", Some(event.ty())),
        ("source", Some(event.source())),
        ("tenant", event.tenant()),
        ("subject", event.subject()),
        ("dataref", event.dataref()),
        ("traceparent", event.traceparent()),
        ("correlationid", event.correlationid()),
        ("causationid", event.causationid()),
    ];
    metadata.extend(known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))));
    if let Some(sequence) = event.sequence() {
        metadata.insert("sequence".to_owned(), sequence.into());
    }
    format!(
        r#"{{"id":{},"type":{},"workflow_id":{},"timestamp":{},"data":{payload},"source_agent":{},"metadata":{}}}"#,
        quote(event.id()),
        quote(name(event)),
        quote(event.stream()),
        event.time_text().map_or_else(|| "null".to_owned(), quote),
        quote(agent),
        Value::Object(metadata),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_in_the_words_of_the_dialect() {
        let event = Event::builder("/agents/coordinator", "workflow.started.v1")
            .id("e-1")
            .subject("wf-42")
            .data(&serde_json::json!({ "goal": "a \"quoted\" one" }))
            .build()
            .unwrap();
        assert_eq!(key(&event), "events:workflow.started");
        let written: Value = serde_json::from_str(&data(&event)).unwrap();
        assert_eq!(written["type"], "workflow.started");
        assert_eq!((written["workflow_id"].as_str(), written["id"].as_str()), (Some("wf-42"), Some("e-1")));
        assert_eq!(written["source_agent"], "coordinator");
        assert_eq!(written["data"]["goal"], "a \"quoted\" one");
        assert_eq!(written["timestamp"].as_str(), event.time_text());
        let back = dialect::accept(data(&event)).unwrap();
        assert_eq!((back.ty(), back.stream(), back.id()), ("workflow.started.v1", "wf-42", "e-1"));
        let foreign = Event::builder("/x", "my.type.v2").id("1").subject("s").build().unwrap();
        assert_eq!(key(&foreign), "events:my.type");
    }
}
