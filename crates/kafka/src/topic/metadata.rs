//! Which topics there are.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use headwater_store::Error;
use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use crate::{
    context::Context,
    ends::serve,
    failure::{explain, explain_code},
    lasting::Lasting,
    names::Names,
};

/// How many partitions the topics have; `None` where there is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) log: Option<usize>,
    pub(super) state: Option<usize>,
}

/// Asks as a consumer does: the question of a producer could make the server create a topic.
pub(super) struct Metadata {
    client: Arc<Lasting<BaseConsumer<Context>>>,
    context: Context,
    names: Names,
    timeout: Duration,
}

/// How long one question may take before errors of the connection are looked at.
const ONE: Duration = Duration::from_millis(500);

impl Metadata {
    pub(super) fn new(
        client: Arc<Lasting<BaseConsumer<Context>>>,
        context: Context,
        names: Names,
        timeout: Duration,
    ) -> Self {
        Self { client, context, names, timeout }
    }

    pub(super) async fn find(this: &Arc<Self>) -> Result<Found, Error> {
        let this = Arc::clone(this);
        blocking(move || this.ask(|_| true)).await
    }

    /// Waits until both topics are known and every partition has a leader.
    pub(super) async fn appear(this: &Arc<Self>) -> Result<Found, Error> {
        let this = Arc::clone(this);
        blocking(move || this.ask(|found| found.log.is_some() && found.state.is_some())).await
    }

    fn ask(&self, enough: impl Fn(Found) -> bool) -> Result<Found, Error> {
        let start = Instant::now();
        loop {
            // Serves the callbacks, so that a refusal is known as such.
            let client = self.client.get();
            serve(&client);
            let answer = client.fetch_metadata(None, ONE.min(self.timeout));
            serve(&client);
            if let Ok(metadata) = &answer
                && let Some(found) = self.look(metadata)
                && enough(found)
            {
                return Ok(found);
            }
            if let Some(refusal) = self.context.trouble().filter(crate::context::Trouble::is_refusal) {
                let error = explain_code(&self.names, "connecting", refusal.code);
                return Err(Error::config(format_args!("{error}: {}", refusal.reason)));
            }
            if start.elapsed() > self.timeout {
                return Err(self.late(answer.err()));
            }
            std::thread::sleep(Duration::from_millis(20));
            self.client.mend().map_err(|error| explain(&self.names, "opening a connection", &error))?;
        }
    }

    /// `None` while a topic is being made.
    fn look(&self, metadata: &rdkafka::metadata::Metadata) -> Option<Found> {
        let mut found = Found { log: None, state: None };
        for topic in metadata.topics() {
            let slot = match topic.name() {
                name if name == self.names.topic => &mut found.log,
                name if name == self.names.state => &mut found.state,
                _ => continue,
            };
            if topic.error().is_some() || topic.partitions().iter().any(|partition| partition.leader() < 0) {
                return None;
            }
            *slot = Some(topic.partitions().len());
        }
        Some(found)
    }

    fn late(&self, error: Option<KafkaError>) -> Error {
        let servers = &self.names.servers;
        let reason = match (self.context.trouble(), error) {
            (Some(trouble), _) => format!("kafka at {servers} does not answer: {}", trouble.reason),
            (None, Some(error)) => match explain(&self.names, "connecting", &error) {
                Error::Unavailable { reason } => reason,
                other => return other,
            },
            (None, None) => {
                let (log, state) = (&self.names.topic, &self.names.state);
                return Error::unavailable(format_args!(
                    "the topics `{log}` and `{state}` on {servers} are not ready"
                ));
            }
        };
        // A server that is not spoken to as it expects hangs up without a word.
        let hint = match reason.contains("Connection refused") {
            true => "",
            false => "; the URL must have a user if the server asks for one, and `tls=` as the server has it",
        };
        Error::unavailable(format_args!("{reason}{hint}"))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::unavailable)?
}
