//! Runs handlers: as many at once as there are slots.

use std::{
    any::Any,
    collections::VecDeque,
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use futures_util::FutureExt;
use headwater_broker::{Settlement, Verdict};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{Link, flights::Flights, settler::Settler};
use crate::{Action, Context, Failure, Handler, Kind, Outcome, Policy, Stopped, trace};

/// Handlers and what they are called for.
///
/// A runner is a task that takes one delivery after the other while there are any, so that events whose handlers are
/// quick cost no task each. As many as the runtime has threads take what comes; where a handler has to wait, another one
/// takes its place.
pub(crate) struct Pool {
    pub(crate) slots: usize,
    handler: Arc<dyn Handler>,
    policy: Policy,
    queue: Mutex<Queue>,
    /// A slot has become free.
    freed: Notify,
    tasks: TaskTracker,
    /// Nothing is handed back later than need be.
    draining: CancellationToken,
    /// Drops what runs.
    cut: CancellationToken,
    pub(crate) flights: Flights,
    pub(crate) settler: Settler,
    pub(crate) link: Link,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Context>,
    /// Waiting, or with a handler.
    taken: usize,
    runners: usize,
    /// Runners whose handler waits for something.
    held_up: usize,
    /// How many free slots somebody waits for.
    wanted: usize,
}

/// How long to wait for more free slots where there are few: what is fetched at once shares a round trip.
const GATHER: Duration = Duration::from_millis(2);
/// How long to wait for a slot before looking for one.
const LOOK: Duration = Duration::from_millis(100);

impl Pool {
    pub(crate) fn new(slots: usize, handler: Arc<dyn Handler>, policy: Policy, link: Link) -> Self {
        Self {
            slots,
            handler,
            policy,
            queue: Mutex::default(),
            freed: Notify::new(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            cut: CancellationToken::new(),
            flights: Flights::default(),
            settler: Settler::new(),
            link,
        }
    }

    /// Waits until there are free slots, a moment longer until there are many, and gives how many.
    pub(crate) async fn free(&self) -> usize {
        let some = self.wait_for(1).await;
        let many = self.slots - self.slots / 8;
        if some >= many {
            return some;
        }
        let gathered = tokio::time::timeout(GATHER, self.wait_for(many)).await;
        gathered.unwrap_or_else(|_| self.slots - self.lock().taken.min(self.slots))
    }

    async fn wait_for(&self, wanted: usize) -> usize {
        loop {
            let free = {
                let mut queue = self.lock();
                queue.wanted = wanted;
                self.slots - queue.taken.min(self.slots)
            };
            // Verdicts that cannot be told are work that is not done.
            if free >= wanted && self.settler.len() < self.slots.max(1024) * 2 {
                return free;
            }
            // Verdicts that were told free a slot too, and say nothing of it.
            let _ = tokio::time::timeout(LOOK, self.freed.notified()).await;
        }
    }

    /// Calls handlers for these. There must be slots for them.
    pub(crate) fn begin(self: &Arc<Self>, contexts: Vec<Context>) {
        self.flights.begin(&contexts);
        let mut queue = self.lock();
        queue.taken += contexts.len();
        self.link.meters.busy.set(queue.taken as f64);
        queue.waiting.extend(contexts);
        self.more(queue);
    }

    /// As many runners more as there are threads and something for them.
    fn more(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        let at_work = queue.runners - queue.held_up;
        let wanted = threads.saturating_sub(at_work).min(queue.waiting.len());
        let more = wanted.min(self.slots.saturating_sub(queue.runners));
        queue.runners += more;
        drop(queue);
        for _ in 0..more {
            self.tasks.spawn(Arc::clone(self).runner());
        }
    }

    async fn runner(self: Arc<Self>) {
        let mut next = self.next(false);
        while let Some(context) = next {
            let mut call = pin!(self.one(&context));
            // A handler that is ready at once holds nobody up.
            if poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending() {
                self.hold_up();
                call.await;
                self.lock().held_up -= 1;
            }
            next = self.next(true);
            tokio::task::coop::consume_budget().await;
        }
    }

    /// The handler of a runner has to wait: somebody else takes what comes.
    fn hold_up(self: &Arc<Self>) {
        let mut queue = self.lock();
        queue.held_up += 1;
        self.more(queue);
    }

    /// The next delivery for a runner, which ends where there is none. `done`: it has handled one, whose slot is free.
    fn next(&self, done: bool) -> Option<Context> {
        let mut queue = self.lock();
        if done {
            queue.taken -= 1;
            self.link.meters.busy.set(queue.taken as f64);
        }
        let enough = done && self.slots - queue.taken.min(self.slots) >= queue.wanted;
        let nothing_runs = done && queue.taken == 0;
        let next = queue.waiting.pop_front();
        queue.runners -= usize::from(next.is_none());
        drop(queue);
        if enough {
            self.freed.notify_one();
        }
        if nothing_runs {
            // No verdict will follow that could be told with these.
            self.settler.hurry();
        }
        next
    }

    async fn one(&self, context: &Context) {
        let lease = context.lease();
        let call = self.handler.handle(context.event(), context).instrument(trace::span(context));
        let call = AssertUnwindSafe(call).catch_unwind();
        let outcome = tokio::select! {
            biased;
            done = call => done.unwrap_or_else(|panic| Err(Failure::new(Kind::Panicked, said(&*panic)))),
            () = self.cut.cancelled() => {
                self.link.meters.cut_off();
                Err(Failure { after: Some(Duration::ZERO), ..Failure::new(Kind::Stopped, "the worker shut down") })
            }
        };
        if let Err(failure) = &outcome
            && self.policy.action(failure.kind) == Action::Release
        {
            // It comes back at once: not at the speed of a loop.
            let pause = self.link.backoff.after(1, self.link.random.fraction());
            let _ = tokio::time::timeout(pause, self.draining.cancelled()).await;
        }
        self.flights.end(lease);
        if context.stopped() == Some(Stopped::LeaseLost) {
            // Somebody else has it: what this one says counts for nothing.
            return;
        }
        let verdict = self.verdict(context, outcome);
        self.settler.push(Settlement { lease, verdict });
    }

    fn verdict(&self, context: &Context, outcome: Outcome) -> Verdict {
        match outcome {
            Ok(()) => {
                self.link.meters.succeeded();
                Verdict::Ack
            }
            Err(failure) => {
                self.link.meters.failed(failure.kind());
                tracing::warn!(group = %self.link.group, tenant = %context.tenant(), stream = context.event().stream(),
                    id = context.event().id(), attempt = context.attempt(), %failure, "an event was not handled");
                self.policy.verdict(&failure, context.attempt(), &self.link.random)
            }
        }
    }

    /// Waits until nothing runs any more.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The worker is to stop.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// Drops every handler at its next await.
    pub(crate) fn cut(&self) {
        self.flights.stop_all();
        self.cut.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it did not say why")
        .to_owned()
}
