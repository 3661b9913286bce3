//! The two topics: made where they are not there, checked where they are.

mod check;
mod create;
mod metadata;

use std::sync::Arc;

use headwater_store::Error;
use rdkafka::admin::AdminClient;

use self::metadata::Metadata;
use crate::{KafkaOptions, config, context::Context, failure::explain, names::Names};

/// What the topics say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The number that the log's topic was made with; `None` where somebody else made it.
    pub(crate) log: Option<u32>,
    /// The number that the state's topic was made with.
    pub(crate) state: Option<u32>,
}

/// Connections for what is done to topics.
pub(crate) struct Topics {
    admin: AdminClient<Context>,
    metadata: Arc<Metadata>,
    names: Names,
}

impl Topics {
    pub(crate) fn new(options: &KafkaOptions, names: &Names, context: &Context) -> Result<Self, Error> {
        let config = config::base(options)?;
        let failed = |error| explain(names, "opening a connection", &error);
        let admin = config.create_with_context(context.clone()).map_err(failed)?;
        let client = config.create_with_context(context.clone()).map_err(failed)?;
        let metadata = Metadata::new(client, context.clone(), names.clone(), options.request_timeout);
        Ok(Self { admin, metadata: Arc::new(metadata), names: names.clone() })
    }

    /// Makes the topics that are not there, checks both, and gives what they say of themselves.
    pub(crate) async fn open(&self, options: &KafkaOptions) -> Result<Identity, Error> {
        let mut found = Metadata::find(&self.metadata).await?;
        if found.log.is_none() || found.state.is_none() {
            create::create(&self.admin, options, &self.names, found).await?;
            found = Metadata::appear(&self.metadata).await?;
        }
        check::partitions(&self.names, found, options.lanes)?;
        check::configs(&self.admin, &self.names).await
    }

    /// Whether the server says that one of the topics is not there.
    pub(crate) async fn are_missing(&self) -> bool {
        Metadata::find(&self.metadata).await.is_ok_and(|found| found.log.is_none() || found.state.is_none())
    }

    /// What the topics say of themselves now; an error where they are not there.
    pub(crate) async fn identity(&self) -> Result<Identity, Error> {
        check::configs(&self.admin, &self.names).await
    }
}
