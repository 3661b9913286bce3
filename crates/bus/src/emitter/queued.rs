//! An emitter over any publisher.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use headwater_broker::{EventPublisher, Published};
use headwater_events::Event;
use headwater_store::SystemClock;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::JoinHandle,
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    EmitterError, EmitterOptions, EmitterStatus, EventEmitter,
    publisher::{Progress, Publisher},
    queue::Queue,
    sequence::Sequence,
    spool::Spool,
};
use crate::{
    diagnostics::{Diagnostics, Part},
    metric_definitions as m,
};

/// An emitter over any publisher: a bounded queue and a task that publishes what is in it, in batches, in order.
///
/// Dropping the last handle closes the queue; what was admitted is still published, as long as the async runtime
/// lives. [`Emitter::close`] waits for that.
#[derive(Debug)]
pub struct Emitter {
    queue: Arc<Queue>,
    task: Mutex<Option<JoinHandle<()>>>,
    give_up: CancellationToken,
}

impl Emitter {
    /// An emitter that publishes to `to`. Its task runs where this is called: inside a Tokio runtime.
    #[must_use]
    pub fn new(to: Arc<dyn EventPublisher>, options: EmitterOptions) -> Arc<Self> {
        let diagnostics = Diagnostics::new(1, Arc::new(SystemClock));
        Self::spawn(to, options, diagnostics, Arc::default(), &Handle::current())
    }

    pub(crate) fn spawn(
        to: Arc<dyn EventPublisher>,
        options: EmitterOptions,
        diagnostics: Diagnostics,
        progress: Arc<Progress>,
        runtime: &Handle,
    ) -> Arc<Self> {
        let queue = Arc::new(Queue::new(options.capacity, options.when_full));
        let give_up = CancellationToken::new();
        let publisher = Publisher {
            queue: Arc::clone(&queue),
            to,
            sequence: Sequence::new(&options.numbers),
            spool: options.spool.map(Spool::new),
            batch_events: options.batch_events.max(1),
            retry_max: options.retry_max,
            part: Part::Emitter(options.name),
            diagnostics,
            progress,
            give_up: give_up.clone(),
        };
        let task = runtime.spawn(publisher.run());
        Arc::new(Self { queue, task: Mutex::new(Some(task)), give_up })
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> EmitterStatus {
        let queued = self.queue.queued();
        let state = self.queue.state();
        EmitterStatus {
            queued,
            capacity: self.queue.capacity(),
            dropped: state.dropped,
            refused: state.refused,
            spooled_bytes: state.spooled_bytes,
            store: state.store.clone(),
        }
    }

    /// Admits nothing more and waits until everything that was admitted is stored, at most for `patience`. What is not
    /// stored by then is given up and counted; what is in a spool file stays there.
    ///
    /// # Errors
    /// How it stood when it was given up.
    pub async fn close(&self, patience: Duration) -> Result<(), EmitterStatus> {
        self.queue.close();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return Ok(()) };
        if timeout(patience, &mut task).await.is_ok() {
            return Ok(());
        }
        let left = self.status();
        self.give_up.cancel();
        // It ends now: every wait of it ends with the token.
        drop(task.await);
        Err(left)
    }

    /// Whether it admits nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl Drop for Emitter {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[async_trait]
impl EventEmitter for Emitter {
    fn emit(&self, event: Event) -> Result<(), EmitterError> {
        self.queue.emit(event)
    }

    async fn emit_async(&self, event: Event) -> Result<(), EmitterError> {
        self.queue.emit_waiting(event, None).await
    }

    async fn publish(&self, event: Event) -> Result<Published, EmitterError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.emit_waiting(event, Some(sender)).await?;
        receiver.await.unwrap_or(Err(match self.queue.is_closed() {
            true => EmitterError::Closed,
            false => EmitterError::Unknown,
        }))
    }

    async fn flush(&self) -> Result<(), EmitterError> {
        let Some(done) = self.queue.flush() else { return Ok(()) };
        done.await.map_err(|_| EmitterError::Closed)
    }

    fn left_out(&self, event: &Event, reason: &str) {
        metrics::counter!(m::EMITTER_DROPPED, "reason" => "left_out").increment(1);
        self.queue.leave_out(event, reason);
    }
}
