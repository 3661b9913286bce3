//! Conversations: many turns of one graph.

use std::collections::HashMap;

use headwater_broker::EventStream;
use headwater_events::StreamName;

use super::{App, InvocationHandle};
use crate::{RunError, RunOutcome, State};

/// Runs a graph turn by turn: each session has a state that its next turn begins with, and one stream in which all its turns
/// stand, one behind the other.
///
/// ```
/// use headwater_runtime::{App, AppRunner, GraphBuilder, NodeContext, Reducer, RuntimeConfig, START, State, Update};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let app: App = GraphBuilder::new("echo")
/// #     .node("echo", async |ctx: NodeContext| Ok(Update::new().set("said", ctx.state().text("ask").to_owned())))
/// #     .edge(START, "echo").reducer("said", Reducer::Append)
/// #     .with_runtime_config(RuntimeConfig::silent())?;
/// let mut runner = AppRunner::new(app).await?;
/// let events = runner.get_event_subscriber()?; // before the first turn: nothing is missed
/// let session = "chat-1".parse()?;
/// runner.create_session(&session, State::new())?;
/// runner.turn(&session, Update::new().set("ask", "one")).await?;
/// let outcome = runner.turn(&session, Update::new().set("ask", "two")).await?;
/// assert_eq!(outcome.state.get("said").unwrap(), &serde_json::json!(["one", "two"]));
/// # drop(events);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
pub struct AppRunner {
    app: App,
    subscriber: Option<EventStream>,
    sessions: HashMap<StreamName, State>,
}

/// The subscriber of this runner was taken before. Others read with [`App::event_stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber was taken before: read with `event_stream`")]
pub struct AlreadyTaken;

impl AppRunner {
    /// A runner of an app. Its subscriber sees everything from here on.
    ///
    /// # Errors
    /// As [`App::bus`].
    pub async fn new(app: App) -> Result<Self, RunError> {
        let subscriber = app.event_stream().await?;
        Ok(Self { app, subscriber: Some(subscriber), sessions: HashMap::new() })
    }

    /// The app.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Everything since the runner was made, of every session. There is one: it does not begin anew for a second taker.
    ///
    /// # Errors
    /// [`AlreadyTaken`].
    pub fn get_event_subscriber(&mut self) -> Result<EventStream, AlreadyTaken> {
        self.subscriber.take().ok_or(AlreadyTaken)
    }

    /// Begins a session with a state.
    ///
    /// # Errors
    /// [`RunError::Leased`]: there is a session of this name.
    pub fn create_session(&mut self, session: &StreamName, state: State) -> Result<(), RunError> {
        if self.sessions.contains_key(session) {
            return Err(RunError::Leased { run: session.to_string() });
        }
        self.sessions.insert(session.clone(), state);
        Ok(())
    }

    /// What a session knows.
    #[must_use]
    pub fn session(&self, session: &StreamName) -> Option<&State> {
        self.sessions.get(session)
    }

    /// Runs the graph once in a session: on what it knows, changed by `change`. What the turn came to is what the session
    /// knows then; a turn that failed changes nothing.
    ///
    /// # Errors
    /// As [`App::invoke`]; [`RunError::NotFound`] where there is no such session.
    pub async fn turn(
        &mut self,
        session: &StreamName,
        change: crate::Update,
    ) -> Result<RunOutcome, RunError> {
        let mut handle = self.start_turn(session, change).await?;
        let outcome = handle.join().await?;
        self.sessions.insert(session.clone(), outcome.state.clone());
        Ok(outcome)
    }

    /// Starts a turn and gives its handle. Its outcome is the session's only when it is given back with
    /// [`AppRunner::keep`].
    ///
    /// # Errors
    /// As [`AppRunner::turn`].
    pub async fn start_turn(
        &self,
        session: &StreamName,
        change: crate::Update,
    ) -> Result<InvocationHandle, RunError> {
        let state = self.sessions.get(session).ok_or_else(|| RunError::NotFound {
            run: session.to_string(),
            detail: "no session of this name was created".to_owned(),
        })?;
        let mut state = state.clone();
        let rule = |key: &str| self.app.graph().reducer(key);
        state.apply([&change], rule).map_err(|error| RunError::Graph { detail: error.to_string() })?;
        self.app.start(Some(session.clone()), state).await
    }

    /// Keeps the outcome of a turn as what its session knows.
    pub fn keep(&mut self, outcome: &RunOutcome) {
        self.sessions.insert(outcome.run.clone(), outcome.state.clone());
    }
}
