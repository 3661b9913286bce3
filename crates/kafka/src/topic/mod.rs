//! The two topics: made where they are not there, checked where they are.

mod check;
mod create;
mod metadata;

use std::sync::Arc;

use headwater_store::Error;
use rdkafka::{ClientConfig, admin::AdminClient, consumer::BaseConsumer};

use self::metadata::Metadata;
use crate::{
    KafkaOptions, aside::Aside, config, context::Context, failure::explain, lasting::Lasting, names::Names,
};

/// What the topics say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The number that the log's topic was made with; `None` where somebody else made it.
    pub(crate) log: Option<u32>,
    /// The number that the state's topic was made with.
    pub(crate) state: Option<u32>,
}

/// What is done to topics.
pub(crate) struct Topics {
    /// An administrator's connection is opened when there is something to do.
    config: ClientConfig,
    context: Context,
    metadata: Arc<Metadata>,
    names: Names,
}

impl Topics {
    /// `client` asks, which a consumer can without making the server create what it asks for.
    pub(crate) fn new(
        options: &KafkaOptions,
        names: &Names,
        context: &Context,
        client: &Arc<Lasting<BaseConsumer<Context>>>,
    ) -> Result<Self, Error> {
        let metadata =
            Metadata::new(Arc::clone(client), context.clone(), names.clone(), options.request_timeout);
        Ok(Self {
            config: config::base(options)?,
            context: context.clone(),
            metadata: Arc::new(metadata),
            names: names.clone(),
        })
    }

    /// Makes the topics that are not there, checks both, and gives what they say of themselves.
    pub(crate) async fn open(&self, options: &KafkaOptions) -> Result<Identity, Error> {
        let mut found = Metadata::find(&self.metadata).await?;
        let admin = self.admin()?;
        if found.log.is_none() || found.state.is_none() {
            create::create(&admin, options, &self.names, found).await?;
            found = Metadata::appear(&self.metadata).await?;
        }
        check::partitions(&self.names, found, options.lanes)?;
        check::configs(&admin, &self.names).await
    }

    /// Whether the server says that one of the topics is not there.
    pub(crate) async fn are_missing(&self) -> bool {
        Metadata::find(&self.metadata).await.is_ok_and(|found| found.log.is_none() || found.state.is_none())
    }

    /// What the topics say of themselves now; an error where they are not there.
    pub(crate) async fn identity(&self) -> Result<Identity, Error> {
        check::configs(&*self.admin()?, &self.names).await
    }

    fn admin(&self) -> Result<Aside<AdminClient<Context>>, Error> {
        let client = self.config.create_with_context(self.context.clone());
        client.map(Aside::new).map_err(|error| explain(&self.names, "opening a connection", &error))
    }
}
