//! What the writer and the readers share.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_events::{Epoch, Position};
use headwater_store::{Error, Status, StatusKind, ring::Ring};
use tokio::sync::watch;

use crate::{EmbeddedOptions, faults::Faults, late::Late, meta::Identity, stats::Counters, view::View};

/// How long a read waits for a database that is being opened again.
const PATIENCE: Duration = Duration::from_secs(10);

/// One log, seen from all threads of the process.
pub(crate) struct Shared {
    pub(crate) options: EmbeddedOptions,
    pub(crate) identity: Identity,
    pub(crate) ring: Ring,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
    /// What the records of runs in the database lack for now.
    pub(crate) late: Arc<Late>,
    /// `None` while the database is closed.
    view: RwLock<Option<Arc<View>>>,
    /// Everything up to here is visible to a view that is taken afterwards.
    tail: AtomicU64,
    status: watch::Sender<Status>,
    /// What is not stored by now is not stored any more.
    closing: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        options: EmbeddedOptions,
        identity: Identity,
        ring: Ring,
        view: View,
        tail: Position,
    ) -> Self {
        Self {
            options,
            identity,
            ring,
            counters: Counters::default(),
            faults: Faults::default(),
            late: Arc::default(),
            view: RwLock::new(Some(Arc::new(view))),
            tail: AtomicU64::new(tail.0),
            status: watch::Sender::new(ready()),
            closing: AtomicBool::new(false),
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.identity.epoch)
    }

    /// The tail first, then the view: what is at or before the tail is in the view.
    pub(crate) fn tail_and_view(&self) -> Result<(Position, Arc<View>), Error> {
        let tail = self.tail();
        Ok((tail, self.view()?))
    }

    pub(crate) fn tail(&self) -> Position {
        Position(self.tail.load(Ordering::Acquire))
    }

    pub(crate) fn set_tail(&self, tail: Position) {
        self.tail.store(tail.0, Ordering::Release);
    }

    pub(crate) fn view(&self) -> Result<Arc<View>, Error> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        view.ok_or_else(|| self.refusal())
    }

    pub(crate) fn set_view(&self, view: Option<Arc<View>>) -> Option<Arc<View>> {
        std::mem::replace(&mut *self.view.write().unwrap_or_else(PoisonError::into_inner), view)
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn set_status(&self, kind: StatusKind, detail: impl Into<String>) {
        let detail = detail.into();
        self.status.send_if_modified(|status| {
            // Nothing comes after the end.
            let changed =
                status.kind != StatusKind::Closed && (status.kind != kind || status.detail != detail);
            if changed {
                tracing::info!(status = kind.as_str(), detail, "embedded log");
                *status = Status { kind, detail };
            }
            changed
        });
    }

    pub(crate) fn set_ready(&self) {
        if self.status.borrow().kind != StatusKind::Ready {
            self.set_status(StatusKind::Ready, ready().detail);
        }
    }

    /// Why a call cannot be served now.
    pub(crate) fn refusal(&self) -> Error {
        let status = self.status.borrow();
        match status.kind {
            StatusKind::Closed => Error::Closed,
            _ => Error::unavailable(&status.detail),
        }
    }

    /// Waits while the database is being opened again, for a while.
    pub(crate) async fn back(&self) -> bool {
        let mut status = self.status.subscribe();
        let back = status.wait_for(|status| status.kind != StatusKind::Away);
        matches!(tokio::time::timeout(PATIENCE, back).await, Ok(Ok(_)))
    }

    pub(crate) fn begin_to_close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.status.borrow().kind == StatusKind::Closed
    }
}

fn ready() -> Status {
    Status { kind: StatusKind::Ready, detail: "ready".to_owned() }
}
