//! The one path into a run.

use std::sync::Arc;

use headwater_broker::Error;
use headwater_bus::{EmitterHandle, EventBus};
use headwater_events::StreamName;
use headwater_store::{Error as StoreError, StateStore};

use super::{App, Checkpoints, InvocationHandle, Settings};
use crate::{
    RunError, State, StepContext,
    run::{Answers, Control, Frontier, Lease, Loaded, Run, numbers},
};

/// The most that an event may have where a broker does not say less.
const MAX_EVENT: usize = 256 * 1024;

/// What every run begins with.
struct Ground<'a> {
    app: &'a App,
    bus: &'a EventBus,
    run: StreamName,
    lease: Option<Lease>,
    answers: Arc<Answers>,
}

/// Starts a run. One that may have events already goes on with their numbers.
pub(super) async fn fresh(
    app: &App,
    run: StreamName,
    input: State,
    may_exist: bool,
) -> Result<InvocationHandle, RunError> {
    let ground = Ground::prepare(app, run).await?;
    let hub = ground.bus.hub();
    let numbers = match may_exist {
        true => numbers(hub.broker(), hub.tenant(), &ground.run).await?,
        false => Vec::new(),
    };
    Ok(ground.go(input, Frontier::default(), numbers, None))
}

pub(super) async fn resumed(app: &App, run: &StreamName) -> Result<InvocationHandle, RunError> {
    let ground = Ground::prepare(app, run.clone()).await?;
    match ground.load().await {
        Ok((loaded, state, frontier)) => {
            // One that was lost before its first checkpoint begins again.
            let begun = loaded.checkpoint.is_some();
            let mut frontier = frontier;
            if !begun {
                frontier.begin(app.graph(), &app.graph().inner().first, &state)?;
            }
            Ok(ground.go(state, frontier, loaded.numbers, Some(loaded.broken)))
        }
        Err(error) => {
            if let Some(lease) = ground.lease {
                lease.release().await;
            }
            Err(error)
        }
    }
}

impl<'a> Ground<'a> {
    async fn prepare(app: &'a App, run: StreamName) -> Result<Self, RunError> {
        let bus = app.bus().await?;
        let lease = match states(app, bus)? {
            Some(state) => Some(Lease::take(state, bus.hub().tenant(), &run, app.config().lease).await?),
            None => None,
        };
        let scope = bus.hub().scope(&run);
        let answers = Arc::new(Answers::new(Arc::clone(bus.hub().broker()), scope));
        Ok(Self { app, bus, run, lease, answers })
    }

    async fn load(&self) -> Result<(Loaded, State, Frontier), RunError> {
        let (broker, tenant) = (self.bus.hub().broker(), self.bus.hub().tenant());
        let loaded = Loaded::read(broker, tenant, &self.run, &self.answers).await?;
        let graph = self.app.graph();
        let changed = |detail: String| RunError::GraphChanged { run: self.run.to_string(), detail };
        if let Some(name) = loaded.graph.as_deref().filter(|name| *name != graph.name()) {
            return Err(changed(format!("it was started with `{name}`, and this is `{}`", graph.name())));
        }
        match &loaded.checkpoint {
            Some(checkpoint) if checkpoint.shape != graph.shape() => {
                Err(changed("its nodes or edges differ".to_owned()))
            }
            Some(checkpoint) => {
                let (state, frontier) = (checkpoint.state.clone(), checkpoint.frontier.clone());
                Ok((loaded, state, frontier))
            }
            None => {
                let input = loaded.input.clone();
                Ok((loaded, input, Frontier::default()))
            }
        }
    }

    fn go(
        self,
        state: State,
        frontier: Frontier,
        numbers: Vec<(String, String, String, u64)>,
        broken: Option<Vec<headwater_events::Event>>,
    ) -> InvocationHandle {
        let (app, bus) = (self.app, self.bus);
        let mut options = bus.config().emitter_options(format!("run {}", self.run));
        options.numbers = numbers;
        let emitter = bus.emitter_with(options);
        let handle: EmitterHandle = Arc::<headwater_bus::Emitter>::clone(&emitter);
        let control = Control::default();
        let root = StepContext::new(handle, self.run.clone(), format!("/graphs/{}", app.graph().name()))
            .with_tenant(bus.hub().tenant().clone())
            .with_token(control.token().clone());
        let run = Run {
            graph: app.graph().clone(),
            settings: Arc::new(settings(app, bus)),
            root,
            emitter,
            state,
            frontier,
            answers: self.answers,
            control: control.clone(),
            lease: self.lease,
            broken,
        };
        InvocationHandle::new(self.run, control, tokio::spawn(run.execute()))
    }
}

/// The table of state, where runs are to be resumable.
fn states(app: &App, bus: &EventBus) -> Result<Option<Arc<dyn StateStore>>, RunError> {
    let broker = bus.hub().broker();
    match app.config().checkpoints {
        Checkpoints::Off => Ok(None),
        Checkpoints::Auto if !broker.capabilities().durable => Ok(None),
        Checkpoints::Auto => match broker.state() {
            Ok(state) => Ok(Some(state)),
            Err(Error::Store(StoreError::Unsupported { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        },
        Checkpoints::EveryStep => Ok(Some(broker.state()?)),
    }
}

fn settings(app: &App, bus: &EventBus) -> Settings {
    let config = app.config();
    Settings {
        concurrency: config.concurrency.max(1),
        cancel_grace: config.cancel_grace,
        state_events: config.state_events,
        max_event_bytes: bus.hub().broker().capabilities().max_event_bytes.min(MAX_EVENT),
        drain: bus.config().drain_timeout,
    }
}
