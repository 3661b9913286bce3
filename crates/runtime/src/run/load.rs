//! A run as its stream tells it.

use std::{collections::HashMap, sync::Arc};

use headwater_broker::{EventBroker, Start};
use headwater_events::{
    Event, Filter, Scope, StreamName, Tenant,
    catalogue::{self, CheckpointSaved, Kind, WorkflowStarted},
    run_state::{Root, RunState},
};

use super::{Answers, Checkpoint, broken, checkpoint::FORMAT};
use crate::{RunError, State};

/// How many events are read at once.
const PAGE: usize = 1000;

/// A run as its stream tells it.
pub(crate) struct Loaded {
    /// Where it can go on; `None` where it was lost before its first checkpoint.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// What it was given.
    pub(crate) input: State,
    /// The name of the graph that it was started with.
    pub(crate) graph: Option<String>,
    /// Events that close what it was in the middle of.
    pub(crate) broken: Vec<Event>,
    /// The last number of each source: (source, tenant, stream, number).
    pub(crate) numbers: Vec<(String, String, String, u64)>,
}

impl Loaded {
    /// Reads a run, and notes its questions and answers.
    pub(crate) async fn read(
        broker: &Arc<dyn EventBroker>,
        tenant: &Tenant,
        run: &StreamName,
        answers: &Answers,
    ) -> Result<Self, RunError> {
        let not_found = |detail: &str| RunError::NotFound { run: run.to_string(), detail: detail.to_owned() };
        let mut reading = Reading::default();
        let mut start = Start::Earliest;
        loop {
            let page = broker.read_whole(tenant, run, start, PAGE).await?;
            for delivery in &page.events {
                reading.take(delivery.event(), answers)?;
            }
            if !page.more {
                break;
            }
            start = Start::After(page.next);
        }
        match reading.state.root() {
            Root::New => return Err(not_found("it has no events")),
            Root::Ended => return Err(RunError::Ended { run: run.to_string() }),
            Root::Created | Root::Running | Root::Absent => {}
        }
        if reading.checkpoint.is_none() && reading.input.is_none() {
            return Err(not_found("it has neither a checkpoint nor its input"));
        }
        let open = reading.openers.into_values().collect();
        let numbers = listed(reading.numbers, tenant, run);
        Ok(Self {
            checkpoint: reading.checkpoint,
            input: reading.input.unwrap_or_default(),
            graph: reading.graph,
            broken: broken::closers(open),
            numbers,
        })
    }
}

/// The last number of each source in a run that is there: (source, tenant, stream, number).
pub(crate) async fn numbers(
    broker: &Arc<dyn EventBroker>,
    tenant: &Tenant,
    run: &StreamName,
) -> Result<Vec<(String, String, String, u64)>, RunError> {
    let (mut numbers, mut start) = (HashMap::new(), Start::Earliest);
    if broker.stream(tenant, run).await?.is_none() {
        return Ok(Vec::new());
    }
    loop {
        let scope = Scope::Stream(tenant.clone(), run.clone());
        let page = broker.read(&scope, &Filter::all(), start, PAGE).await?;
        page.events.iter().for_each(|delivery| count(&mut numbers, delivery.event()));
        if !page.more {
            return Ok(listed(numbers, tenant, run));
        }
        start = Start::After(page.next);
    }
}

fn count(numbers: &mut HashMap<String, u64>, event: &Event) {
    if let Some(n) = event.sequence() {
        let last = numbers.entry(event.source().to_owned()).or_insert(0);
        *last = (*last).max(n);
    }
}

fn listed(
    numbers: HashMap<String, u64>,
    tenant: &Tenant,
    run: &StreamName,
) -> Vec<(String, String, String, u64)> {
    numbers.into_iter().map(|(source, n)| (source, tenant.to_string(), run.to_string(), n)).collect()
}

#[derive(Default)]
struct Reading {
    state: RunState,
    /// What opened each part that is open.
    openers: HashMap<(Kind, String), Event>,
    checkpoint: Option<Checkpoint>,
    input: Option<State>,
    graph: Option<String>,
    numbers: HashMap<String, u64>,
}

impl Reading {
    fn take(&mut self, event: &Event, answers: &Answers) -> Result<(), RunError> {
        let role = catalogue::lookup_name(event.ty()).map(|entry| entry.role);
        // That the stream breaks rules is for others to judge.
        drop(self.state.apply(event));
        if let Some(kind) = role.and_then(catalogue::Role::kind).filter(|kind| !kind.is_root()) {
            let open: Vec<(Kind, String)> =
                self.state.open().map(|(kind, part)| (kind, part.to_owned())).collect();
            self.openers.retain(|part, _| open.contains(part));
            let new = open.into_iter().filter(|(of, _)| *of == kind);
            for part in new {
                self.openers.entry(part).or_insert_with(|| event.clone());
            }
        }
        answers.note(event);
        count(&mut self.numbers, event);
        match event.ty() {
            "workflow.started.v1" => {
                let started: Option<WorkflowStarted> = event.data_as().ok();
                self.input = started.as_ref().and_then(|s| s.input.clone()).map(State::from_value);
                self.graph = started.and_then(|started| started.name);
                // A new start leaves what was before behind it.
                self.checkpoint = None;
            }
            "checkpoint.saved.v1" => {
                let saved: Option<CheckpointSaved> = event.data_as().ok();
                let state = saved.and_then(|saved| saved.state).unwrap_or_default();
                self.checkpoint = Some(read(state, event)?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn read(state: serde_json::Value, event: &Event) -> Result<Checkpoint, RunError> {
    let unreadable = |detail: String| RunError::NotFound { run: event.stream().to_owned(), detail };
    let format = state["format"].as_u64().unwrap_or(0);
    if format != u64::from(FORMAT) {
        return Err(unreadable(format!(
            "its checkpoints have the form {format}, and this program reads {FORMAT}"
        )));
    }
    serde_json::from_value(state)
        .map_err(|error| unreadable(format!("its checkpoint cannot be read: {error}")))
}
