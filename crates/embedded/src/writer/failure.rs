//! When the database fails: close it, open it again, go on where it stands.

use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant as StdInstant},
};

use headwater_store::{Error, GapReason, Record, StatusKind};
use tokio::time::Instant;

use super::Writer;
use crate::{engine::Engine, recover, stats, view::View};

/// The database is closed.
pub(super) struct Away {
    pub(super) next_try: Instant,
    backoff: Duration,
    /// What readers, and the caller of [`Writer::fail`], may still hold.
    view: Option<Arc<View>>,
}

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// How long readers may hold the database that is to be closed.
const PATIENCE: Duration = Duration::from_secs(10);

impl Writer {
    /// The database must not be written to any more: it is closed and opened again. What it stored of the last
    /// group is seen then.
    pub(super) fn fail(&mut self, error: &fjall::Error, in_doubt: Vec<Record>) {
        tracing::error!(%error, "the database failed and is opened again");
        metrics::counter!(crate::metric_definitions::FAILURES).increment(1);
        self.in_doubt = in_doubt;
        self.shared.set_status(StatusKind::Away, format!("reopening after an error: {error}"));
        self.view = None;
        self.away =
            Some(Away { next_try: Instant::now(), backoff: FIRST_BACKOFF, view: self.shared.set_view(None) });
    }

    pub(super) fn reopen(&mut self) {
        match self.try_reopen() {
            Ok(()) => {
                self.away = None;
                stats::add(&self.shared.counters.reopened, 1);
                self.shared.set_ready();
            }
            Err(error) => {
                tracing::warn!(%error, "the database does not open");
                self.shared.set_status(StatusKind::Away, format!("the database does not open: {error}"));
                if let Some(away) = &mut self.away {
                    away.next_try = Instant::now() + away.backoff;
                    away.backoff = (away.backoff * 2).min(LAST_BACKOFF);
                }
            }
        }
    }

    fn try_reopen(&mut self) -> Result<(), Error> {
        let_go(self.away.as_mut().and_then(|away| away.view.take()));
        let options = &self.shared.options;
        let engine =
            Engine::open(&self.folder.database(), options.cache_bytes).map_err(Error::unavailable)?;
        let found = recover::recover(engine, options.lanes, Some(self.end.position))?;
        self.runs.clear();
        self.recent = super::load_recent(options, &found)?;
        let before = self.end;
        self.end = found.end;
        self.state_version = self.state_version.max(found.state_version);
        self.reserved = found.end.position;
        self.trimmed_to = found.trimmed_to;
        self.cleared = found.cleared;
        self.unsynced = false;
        self.show(found.view);
        self.shared.set_tail(found.end.position);
        // Followers have what was answered. What was in doubt and is there after all is new to them.
        let in_doubt = std::mem::take(&mut self.in_doubt);
        let stored = found.lost.map_or(found.end.position, |lost| lost.from);
        if in_doubt.last().is_some_and(|last| last.position() <= stored) {
            self.shared.ring.push(in_doubt.into());
        }
        if let Some(lost) = found.lost {
            self.shared.ring.lost(lost.from.max(before.position), lost.to, GapReason::Lost);
        }
        Ok(())
    }
}

/// Waits until readers have let go of a view, so that the database behind it is closed when this returns.
pub(super) fn let_go(view: Option<Arc<View>>) {
    let Some(view) = view else { return };
    let until = StdInstant::now() + PATIENCE;
    while Arc::strong_count(&view) > 1 && StdInstant::now() < until {
        sleep(Duration::from_millis(1));
    }
}
