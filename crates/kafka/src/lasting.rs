//! A client that another one replaces when it has lost all its servers.
//!
//! A server that stood still for longer than its session counts as gone at first when it goes on, and then names no server
//! at all, itself included. librdkafka forgets those it knew, and is meant to begin again with the addresses it was
//! configured with; if the connection ends before that answer is dealt with, it does not (2.10 to 2.13 at least), and
//! never asks anybody again. Its statistics tell: they name no server any more.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use rdkafka::{ClientConfig, config::FromClientConfigAndContext, error::KafkaResult};
use serde::Deserialize;

use crate::{aside::Aside, context::Context};

/// A client and how to make it again.
pub(crate) struct Lasting<T: Send + 'static> {
    config: ClientConfig,
    context: Context,
    current: RwLock<Current<T>>,
}

struct Current<T: Send + 'static> {
    client: Arc<Aside<T>>,
    context: Context,
}

impl<T: FromClientConfigAndContext<Context> + Send + 'static> Lasting<T> {
    pub(crate) fn open(config: ClientConfig, context: Context) -> KafkaResult<Self> {
        let current = RwLock::new(make(&config, &context)?);
        Ok(Self { config, context, current })
    }

    /// What all of them share.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn get(&self) -> Arc<Aside<T>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).client)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).context.is_lost()
    }

    /// Puts another one in the place of one that is lost, and says whether it did.
    pub(crate) fn mend(&self) -> KafkaResult<bool> {
        if !self.is_lost() {
            return Ok(false);
        }
        let new = make(&self.config, &self.context)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        tracing::warn!(
            role = self.context.role(),
            "a client had lost all servers: another one takes its place"
        );
        Ok(true)
    }
}

fn make<T: FromClientConfigAndContext<Context> + Send + 'static>(
    config: &ClientConfig,
    context: &Context,
) -> KafkaResult<Current<T>> {
    let context = context.of_another();
    let client = Arc::new(Aside::new(config.create_with_context(context.clone())?));
    Ok(Current { client, context })
}

/// Of all that a client tells of itself.
#[derive(Deserialize)]
struct Statistics {
    brokers: HashMap<String, Server>,
}

#[derive(Deserialize)]
struct Server {
    source: String,
    #[serde(default)]
    connects: u64,
}

/// What a client's statistics tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// They name no server that it could ask.
    pub(crate) nobody: bool,
    /// How often it has tried to connect to those that it knows.
    pub(crate) attempts: u64,
}

/// What a client's statistics tell, if they are such.
pub(crate) fn told(statistics: &[u8]) -> Option<Told> {
    let statistics: Statistics = serde_json::from_slice(statistics).ok()?;
    // The others are places for a server that is not known yet.
    let is_server = |server: &Server| matches!(server.source.as_str(), "configured" | "learned");
    Some(Told {
        nobody: !statistics.brokers.values().any(is_server),
        attempts: statistics.brokers.values().map(|server| server.connects).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_tell_whether_a_server_is_left_and_how_often_it_was_tried() {
        let tell = |brokers: &str| {
            let told = told(format!(r#"{{"name":"x","brokers":{{{brokers}}},"topics":{{}}}}"#).as_bytes());
            told.map(|told| (told.nobody, told.attempts))
        };
        let (bootstrap, one, coordinator) = (
            r#""a:1/bootstrap":{"nodeid":-1,"source":"configured","state":"INIT","connects":2}"#,
            r#""a:1/1":{"nodeid":1,"source":"learned","state":"DOWN","connects":3}"#,
            r#""GroupCoordinator":{"nodeid":-1,"source":"logical","state":"INIT"}"#,
        );
        assert_eq!(tell(bootstrap), Some((false, 2)));
        assert_eq!(tell(&format!("{bootstrap},{one},{coordinator}")), Some((false, 5)));
        assert_eq!(tell(coordinator), Some((true, 0)));
        assert_eq!(tell(""), Some((true, 0)));
        assert_eq!(told(b"{}"), None);
    }
}
