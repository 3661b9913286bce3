//! The sinks of a bus and their workers.

use std::time::Duration;

use headwater_broker::{EventStream, Start};
use headwater_events::Cursor;
use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{
    Error, EventBusConfig, EventHub, SinkConfig, SinkHealth,
    diagnostics::{Diagnostics, Part},
    emitter::Progress,
    feed,
    sinks::{Goal, Health, Resume, SinkState, SinkTask, SinkWorker},
};

/// The sinks of a bus, in order.
pub(super) struct Seats {
    seats: Vec<Seat>,
    started: bool,
}

struct Seat {
    config: SinkConfig,
    health: Health,
    resume: Resume,
    work: Option<Work>,
}

struct Work {
    goal: watch::Sender<Goal>,
    task: JoinHandle<()>,
    /// Whether transient events are among what it reads.
    every_class: bool,
}

impl Seats {
    pub(super) fn new(config: &EventBusConfig, begin: &Cursor) -> Self {
        let seats = config.sinks.iter().map(|sink| Seat::new(sink.clone(), begin.clone())).collect();
        Self { seats, started: false }
    }

    pub(super) const fn started(&self) -> bool {
        self.started
    }

    pub(super) fn add(&mut self, sink: SinkConfig, now: Cursor) {
        self.seats.retain(|seat| seat.config.name != sink.name);
        self.seats.push(Seat::new(sink, now));
    }

    pub(super) fn health(&self) -> Vec<SinkHealth> {
        self.seats.iter().map(|seat| seat.health.now().clone()).collect()
    }

    pub(super) async fn start(
        &mut self,
        hub: &EventHub,
        diagnostics: &Diagnostics,
        runtime: &Handle,
    ) -> Result<(), Error> {
        self.started = true;
        for seat in &mut self.seats {
            let works = seat.work.as_ref().is_some_and(|work| !work.task.is_finished());
            // A sink that is over stays so until the bus was stopped.
            if works || seat.health.now().state == SinkState::Over {
                continue;
            }
            seat.start(hub, diagnostics, runtime).await?;
        }
        Ok(())
    }

    /// Lets every sink take what is there and stops it. Gives those that did not come to it in time.
    pub(super) async fn stop(
        &mut self,
        hub: &EventHub,
        progress: &Progress,
        patience: Duration,
    ) -> Vec<String> {
        self.started = false;
        let one_number = !hub.broker().capabilities().vector_positions;
        for work in self.seats.iter().filter_map(|seat| seat.work.as_ref()) {
            let upto = progress.reached(!work.every_class);
            work.goal.send_replace(if one_number { Goal::Upto(upto) } else { Goal::UntilIdle });
        }
        let until = Instant::now() + patience;
        let mut late = Vec::new();
        for seat in &mut self.seats {
            let Some(mut work) = seat.work.take() else { continue };
            if timeout_at(until, &mut work.task).await.is_err() {
                work.task.abort();
                late.push(format!("sink `{}` has not taken everything", seat.config.name));
            }
            seat.health.now().state = SinkState::Stopped;
        }
        late
    }
}

impl Seat {
    fn new(config: SinkConfig, begin: Cursor) -> Self {
        Self { health: Health::new(&config.name), config, resume: Resume::at(begin), work: None }
    }

    async fn start(
        &mut self,
        hub: &EventHub,
        diagnostics: &Diagnostics,
        runtime: &Handle,
    ) -> Result<(), Error> {
        let start = Start::After(self.resume.get());
        let (events, every_class) = feed::open(hub.broker(), hub.tenant(), start).await?;
        let (worker, goal) =
            worker(&self.config, events, self.health.clone(), self.resume.clone(), diagnostics).await?;
        self.work = Some(Work { goal, task: runtime.spawn(worker.run()), every_class });
        Ok(())
    }
}

/// A sink's worker over a stream, and what it is told.
async fn worker(
    config: &SinkConfig,
    events: EventStream,
    health: Health,
    resume: Resume,
    diagnostics: &Diagnostics,
) -> Result<(SinkWorker, watch::Sender<Goal>), Error> {
    let name = config.name.clone();
    let sink = config.open().await;
    let sink = sink.map_err(|error| Error::Sink { name: name.clone(), reason: error.to_string() })?;
    let (sender, goal) = watch::channel(Goal::Live);
    let worker = SinkWorker {
        sink,
        events,
        filter: config.filter.clone(),
        goal,
        health,
        part: Part::Sink(name),
        diagnostics: diagnostics.clone(),
        resume,
    };
    Ok((worker, sender))
}

/// Runs a sink over a stream of its own.
pub(super) async fn drive(
    config: &SinkConfig,
    events: EventStream,
    diagnostics: &Diagnostics,
    runtime: &Handle,
) -> Result<SinkTask, Error> {
    let (health, resume) = (Health::new(&config.name), Resume::at(events.cursor()));
    let (worker, goal) = worker(config, events, health.clone(), resume, diagnostics).await?;
    Ok(SinkTask { health, goal, task: runtime.spawn(worker.run()) })
}
