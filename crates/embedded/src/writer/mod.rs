//! The one thread that writes.
//!
//! ```text
//!  publishers ──► bounded queue ──► group ──► one batch, one fsync ──► answers
//!                                                  └──► ring ──► followers
//! ```
//!
//! While a commit waits for the disk, the queue fills; what is in it when the disk is done becomes the next group.
//! No timer delays a lone publisher.

mod answers;
mod commit;
mod cuts;
mod drop;
mod failure;
mod group;
mod refs;
mod remove;
pub(crate) mod request;
mod retention;
mod runs;
mod serve;
mod state;

use std::{sync::Arc, time::Duration};

use fjall::PersistMode;
use headwater_events::Position;
use headwater_store::{Error, Record, StatusKind};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::Instant,
};

use self::{answers::Desk, failure::Away, request::Request, runs::RunCache};
use crate::{
    EmbeddedOptions, Fsync, codec,
    folder::{Folder, Mark},
    meta::{self, End},
    recent::Recent,
    recover::Recovered,
    shared::Shared,
    stats,
    view::View,
};

/// The state of the one thread that writes.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    mark: Mark,
    queue: mpsc::Receiver<Request>,
    desk: Desk,
    /// `None` while the database is closed.
    view: Option<Arc<View>>,
    end: End,
    state_version: u64,
    /// Positions up to here may be used; past it a reservation comes first. Without meaning where every answer is
    /// durable.
    reserved: Position,
    /// Runs that ended up to this time have had their transient events trimmed.
    trimmed_to: i64,
    cleared: u64,
    runs: RunCache,
    recent: Recent,
    /// How many calls the last group had, and how long its commit took.
    last_calls: usize,
    last_commit: Duration,
    /// Something was committed that was not synced.
    unsynced: bool,
    next_sync: Instant,
    next_retention: Instant,
    next_clearing: Option<Instant>,
    /// Why the database is closed, and when to try again.
    away: Option<Away>,
    /// What a failed commit may have stored.
    in_doubt: Vec<Record>,
    retention: retention::Memory,
    closing: Option<request::Reply<()>>,
}

impl Writer {
    /// Answers come from the runtime in which this is called, if it has threads of its own.
    pub(crate) fn new(
        shared: Arc<Shared>,
        folder: Folder,
        mark: Mark,
        queue: mpsc::Receiver<Request>,
        found: &Recovered,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        let options = &shared.options;
        let recent = load_recent(options, found)?;
        Ok(Self {
            view: Some(shared.view()?),
            end: found.end,
            state_version: found.state_version,
            reserved: found.end.position,
            trimmed_to: found.trimmed_to,
            cleared: found.cleared,
            runs: RunCache::new(Arc::clone(&shared.late)),
            recent,
            last_calls: 0,
            last_commit: Duration::ZERO,
            unsynced: false,
            next_sync: now,
            next_retention: now + options.retention_interval,
            next_clearing: Some(now),
            away: None,
            in_doubt: Vec::new(),
            retention: retention::Memory::default(),
            closing: None,
            shared,
            folder,
            mark,
            queue,
            desk: Desk::here(),
        })
    }

    /// Works until the queue is closed, or until it is told to close.
    pub(crate) fn run(mut self) {
        // Only for waiting with a limit.
        let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
            self.shared.set_status(StatusKind::Closed, "the writer could not be started");
            return;
        };
        while self.closing.is_none() {
            match self.wait(&runtime) {
                _ if self.shared.faults.crashed() => return self.abandon(),
                Woken::Request(request) => self.serve(request),
                Woken::Time => {}
                Woken::Closed => break,
            }
            self.maintain();
        }
        self.close();
    }

    fn wait(&mut self, runtime: &Runtime) -> Woken {
        let until = self.next_wake();
        runtime.block_on(async {
            match tokio::time::timeout_at(until, self.queue.recv()).await {
                Ok(Some(request)) => Woken::Request(request),
                Ok(None) => Woken::Closed,
                Err(_) => Woken::Time,
            }
        })
    }

    fn next_wake(&self) -> Instant {
        if let Some(away) = &self.away {
            return away.next_try;
        }
        let mut wake = self.next_retention;
        if self.unsynced && matches!(self.shared.options.fsync, Fsync::EveryMs(_)) {
            wake = wake.min(self.next_sync);
        }
        self.next_clearing.map_or(wake, |next| wake.min(next))
    }

    /// What is due.
    fn maintain(&mut self) {
        let now = Instant::now();
        if let Some(away) = &self.away {
            if away.next_try <= now {
                self.reopen();
            }
            return;
        }
        if self.unsynced
            && let Fsync::EveryMs(ms) = self.shared.options.fsync
            && self.next_sync <= now
        {
            self.sync();
            self.next_sync = Instant::now() + Duration::from_millis(ms.max(1));
        }
        if self.next_retention <= now {
            if let Err(error) = self.apply_retention() {
                tracing::warn!(%error, "retention was not applied");
            }
            self.look_at_space();
            self.next_retention = Instant::now() + self.shared.options.retention_interval;
        }
        if self.next_clearing.is_some_and(|next| next <= now) {
            self.clear_away();
        }
    }

    fn sync(&mut self) {
        let Some(view) = &self.view else { return };
        let synced = view.engine.db.persist(PersistMode::SyncData);
        stats::add(&self.shared.counters.fsyncs, 1);
        match synced {
            Ok(()) => self.unsynced = false,
            Err(error) => self.fail(&error, Vec::new()),
        }
    }

    /// The log's time: never runs backward, so that times and positions have one order.
    fn now(&self) -> i64 {
        self.shared.options.clock.now().as_millisecond().max(self.end.stored_at)
    }

    /// Events stored before this are no duplicates any more.
    fn dedup_since(&self, now: i64) -> i64 {
        since(&self.shared.options, now)
    }

    /// Replaces what readers see.
    fn show(&mut self, view: View) {
        let view = Arc::new(view);
        self.view = Some(Arc::clone(&view));
        self.shared.set_view(Some(view));
    }

    fn view(&self) -> Result<Arc<View>, Error> {
        self.view.clone().ok_or_else(|| self.shared.refusal())
    }

    /// Stores what was accepted and lets go of everything.
    fn close(mut self) {
        self.shared.begin_to_close();
        self.queue.close();
        while let Ok(request) = self.queue.try_recv() {
            self.serve(request);
        }
        let result = self.seal();
        self.let_go();
        let reply = self.closing.take();
        let shared = Arc::clone(&self.shared);
        // The folder is free before anybody learns of the end.
        drop(self);
        shared.set_status(StatusKind::Closed, "closed");
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }

    /// Lets go of everything as the end of the process would.
    fn abandon(mut self) {
        self.shared.begin_to_close();
        self.let_go();
        let shared = Arc::clone(&self.shared);
        drop(self);
        shared.set_status(StatusKind::Closed, "crashed");
    }

    fn let_go(&mut self) {
        self.shared.ring.close();
        self.view = None;
        failure::let_go(self.shared.set_view(None));
    }

    /// Writes down that the log was closed in order.
    fn seal(&mut self) -> Result<(), Error> {
        let view = self.view()?;
        let mut batch = view.engine.db.batch().durability(Some(PersistMode::SyncAll));
        for run in self.runs.late() {
            if let Some(record) = self.runs.get(&view, &run)? {
                batch.insert(&view.engine.runs, run, codec::encode_run(&record));
            }
        }
        meta::remove_reserved(&mut batch, &view.engine.meta);
        batch.commit().map_err(crate::engine::storage)
    }
}

fn since(options: &EmbeddedOptions, now: i64) -> i64 {
    now.saturating_sub(i64::try_from(options.dedup_window.as_millis()).unwrap_or(i64::MAX))
}

/// What recognizes the events that were stored before the log was opened.
fn load_recent(options: &EmbeddedOptions, found: &Recovered) -> Result<Recent, Error> {
    let now = options.clock.now().as_millisecond().max(found.end.stored_at);
    Recent::load(&found.view, since(options, now))
}

enum Woken {
    Request(Request),
    Time,
    Closed,
}

/// A number for a gauge.
#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}
