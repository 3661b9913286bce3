//! Running graphs.
//!
//! Every way in takes one path: the bus of the app, a lease where checkpoints are stored, a run with an emitter of its own,
//! and a handle to it.

mod config;
mod handle;
mod launch;
mod runner;

use std::{fmt, sync::Arc};

use headwater_broker::{EventStream, Item};
use headwater_bus::{EventBus, SinkConfig};
use headwater_events::StreamName;
use tokio::sync::{OnceCell, mpsc};

pub(crate) use config::Settings;
pub use config::{Checkpoints, RuntimeConfig};
pub use handle::InvocationHandle;
pub use runner::{AlreadyTaken, AppRunner};

use crate::{Graph, RunError, RunOutcome, State};

/// A graph with all that it needs to run. Cloning gives another handle to the same app.
///
/// | to | use |
/// |---|---|
/// | have the outcome | [`App::invoke`] |
/// | show a run while it works | [`App::invoke_streaming`] |
/// | pass items to a channel or to sinks | [`App::invoke_with_channel`], [`App::invoke_with_sinks`] |
/// | see all runs, also before the first | [`App::event_stream`] |
/// | hold a conversation of many turns | [`AppRunner`] |
/// | go on after a crash | [`App::resume`] |
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    graph: Graph,
    config: RuntimeConfig,
    bus: OnceCell<EventBus>,
}

impl App {
    /// An app of a graph.
    #[must_use]
    pub fn new(graph: Graph, config: RuntimeConfig) -> Self {
        Self(Arc::new(Inner { graph, config, bus: OnceCell::new() }))
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.0.graph
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &RuntimeConfig {
        &self.0.config
    }

    /// The bus: made, and its sinks started, when it is asked for first.
    ///
    /// # Errors
    /// A sink cannot be opened, or the broker cannot be reached.
    pub async fn bus(&self) -> Result<&EventBus, RunError> {
        let make = || async {
            crate::metric_definitions::describe();
            let events = self.0.config.event_bus.clone();
            let bus = match &self.0.config.broker {
                Some(broker) => EventBus::new(Arc::clone(broker), events).await?,
                None => EventBus::memory(events).await?,
            };
            bus.start().await?;
            Ok::<_, RunError>(bus)
        };
        self.0.bus.get_or_try_init(make).await
    }

    /// Everything that is published from now on, of every run.
    ///
    /// # Errors
    /// As [`App::bus`].
    pub async fn event_stream(&self) -> Result<EventStream, RunError> {
        Ok(self.bus().await?.subscribe().await?)
    }

    /// Runs the graph and waits for the outcome. Dropping the future leaves the run to itself: it goes on.
    ///
    /// # Errors
    /// Why the run did not come to a good end; its stream says the same.
    pub async fn invoke(&self, input: State) -> Result<RunOutcome, RunError> {
        self.start(None, input).await?.join().await
    }

    /// Runs the graph and gives its events as they come, from the first, with a handle to the run.
    ///
    /// Dropping the stream does nothing to the run, and dropping the handle leaves it to itself
    /// ([`InvocationHandle::cancel_on_drop`] makes it end with the handle). The stream ends with the run.
    ///
    /// # Errors
    /// The run cannot begin.
    pub async fn invoke_streaming(&self, input: State) -> Result<(EventStream, InvocationHandle), RunError> {
        let run = config::new_run();
        let events = self.bus().await?.hub().run(&run).await?;
        Ok((events, launch::fresh(self, run, input, false).await?))
    }

    /// Runs the graph and passes its events to a channel, waiting for room in it, which holds up nobody else. Answers when
    /// the run has ended and the channel has everything, or its receiver is gone.
    ///
    /// # Errors
    /// As [`App::invoke`].
    pub async fn invoke_with_channel(
        &self,
        input: State,
        channel: mpsc::Sender<Item>,
    ) -> Result<RunOutcome, RunError> {
        self.invoke_with_sinks(input, vec![SinkConfig::channel(channel)]).await
    }

    /// Runs the graph with sinks of its own beside those of the bus. Answers when the run has ended and the sinks have
    /// everything, or their time to drain is over.
    ///
    /// # Errors
    /// As [`App::invoke`]; a sink cannot be opened.
    pub async fn invoke_with_sinks(
        &self,
        input: State,
        sinks: Vec<SinkConfig>,
    ) -> Result<RunOutcome, RunError> {
        let (bus, run) = (self.bus().await?, config::new_run());
        let mut tasks = Vec::with_capacity(sinks.len());
        for sink in sinks {
            tasks.push(bus.drive(sink, bus.hub().run(&run).await?).await?);
        }
        let outcome = launch::fresh(self, run, input, false).await?.join().await;
        for task in tasks {
            task.finish(bus.config().drain_timeout).await;
        }
        outcome
    }

    /// Starts a run under a name, or a new one, and gives a handle to it. A run of this name that has ended is started
    /// again, in the same stream.
    ///
    /// # Errors
    /// [`RunError::Leased`] where the run works already.
    pub async fn start(&self, run: Option<StreamName>, input: State) -> Result<InvocationHandle, RunError> {
        let named = run.is_some();
        launch::fresh(self, run.unwrap_or_else(config::new_run), input, named).await
    }

    /// Goes on with a run that an earlier process left, from its last checkpoint.
    ///
    /// Steps that were stored are not done again. Those of the step in which the process was lost run again, under the same
    /// [`key`](crate::NodeContext::key). What was open is closed in the stream first, and questions that were asked stay
    /// asked.
    ///
    /// # Errors
    /// [`RunError::Leased`] where a process works on it: whether one does takes as long as its lease is long to see.
    /// [`RunError::Ended`], [`RunError::NotFound`], [`RunError::GraphChanged`].
    pub async fn resume(&self, run: &StreamName) -> Result<InvocationHandle, RunError> {
        launch::resumed(self, run).await
    }

    /// Drains the bus and closes it, and the store where it is the app's own.
    ///
    /// # Errors
    /// Not everything was drained in time.
    pub async fn close(&self) -> Result<(), RunError> {
        match self.0.bus.get() {
            Some(bus) => Ok(bus.close().await?),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("graph", &self.0.graph).finish_non_exhaustive()
    }
}
