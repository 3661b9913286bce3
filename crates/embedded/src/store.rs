//! The store that callers hold.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use headwater_events::{Epoch, Position, StreamName, Tenant};
use headwater_store::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowScope, GapReason, Page, ReadScope,
    RunRecord, Status, ring::Ring,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::{
    EmbeddedOptions, Stats,
    engine::Engine,
    folder::{Folder, Mark},
    metric_definitions,
    read::{self, Limit},
    recover,
    shared::Shared,
    writer::{
        Writer,
        request::{Control, Prepared, Reply, Request},
    },
};

/// A durable log in a folder, owned by this process.
///
/// Dropping it closes it, and waits for that: [`EventLog::close`] does the same without blocking the caller's thread.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    capabilities: Capabilities,
    queue: Option<mpsc::Sender<Request>>,
    room: Arc<Semaphore>,
    writer: Option<thread::JoinHandle<()>>,
}

/// How often a read is tried while the database is opened again and again.
const TRIES: u32 = 16;
/// Queued bytes are counted in units of this many, since a semaphore counts no further than 32 bits.
const ROOM_UNIT: usize = 1024;

impl EmbeddedStore {
    /// Opens the log in `path`, or makes one where there is none.
    ///
    /// # Errors
    /// [`Error::Config`]: the folder is in use by another process, cannot be written, holds something else or has a
    /// newer format; nothing was touched. [`Error::Corrupt`]: the end of the log is not what was written there.
    pub fn open(path: impl AsRef<Path>, options: EmbeddedOptions) -> BoxFuture<'static, Result<Self, Error>> {
        Self::open_at(path.as_ref().to_owned(), options)
    }

    /// Boxed here, so that the log is compiled with this crate and not again in each that opens one.
    fn open_at(path: PathBuf, options: EmbeddedOptions) -> BoxFuture<'static, Result<Self, Error>> {
        Box::pin(blocking(move || Self::open_blocking(&path, options)))
    }

    fn open_blocking(path: &Path, options: EmbeddedOptions) -> Result<Self, Error> {
        metric_definitions::describe();
        let folder = Folder::take(path, true)?;
        let (mark, marked) = Mark::open(&folder).map_err(Error::unavailable)?;
        let engine = Engine::open(&folder.database(), options.cache_bytes).map_err(|e| opening(path, &e))?;
        let found = recover::recover(engine, options.lanes, marked)?;
        let kept = found.lost.map_or(found.end.position, |lost| lost.from);
        let ring = Ring::new(kept, options.ring_bytes);
        if let Some(lost) = found.lost {
            ring.lost(lost.from, lost.to, GapReason::Lost);
        }
        let mut capabilities = Capabilities::full();
        capabilities.dedup_window = Some(options.dedup_window);
        capabilities.max_event_bytes = options.max_event_bytes;
        let (queue, requests) = mpsc::channel(options.queue_calls.max(1));
        let room = Arc::new(Semaphore::new((options.queue_bytes / ROOM_UNIT).max(1)));
        let shared =
            Arc::new(Shared::new(options, found.identity, ring, found.view.clone(), found.end.position));
        let writer = Writer::new(Arc::clone(&shared), folder, mark, requests, &found)?;
        drop(found);
        let writer = thread::Builder::new()
            .name("headwater-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::unavailable)?;
        Ok(Self { shared, capabilities, queue: Some(queue), room, writer: Some(writer) })
    }

    /// What the writer has done since the log was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// Hands a request to the writer and waits for its answer.
    pub(crate) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.send(request(reply)).await.map_err(|_| self.gone())?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    fn gone(&self) -> Error {
        if self.shared.is_closing() { Error::Closed } else { Error::unavailable("the call was not served") }
    }

    /// Runs what blocks on a thread made for that. A database that is being opened again is waited for.
    pub(crate) async fn read_with<T: Send + 'static>(
        &self,
        work: impl Fn(&Shared) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            let (shared, work) = (Arc::clone(&self.shared), work.clone());
            tries += 1;
            match blocking(move || work(&shared)).await {
                // It may be back already.
                Err(Error::Unavailable { .. }) if tries < TRIES && self.shared.back().await => {}
                other => return other,
            }
        }
    }

    /// Makes every commit fail and store nothing until it is called with `false`, for tests.
    #[cfg(feature = "test-util")]
    pub fn fail_commits(&self, fail: bool) {
        self.shared.faults.fail(fail);
    }

    /// Makes the next commit store everything and be reported as failed, for tests.
    #[cfg(feature = "test-util")]
    pub fn doubt_next_commit(&self) {
        self.shared.faults.doubt();
    }

    /// Lets go of everything as the end of the process would, for tests: nothing that waits is stored or answered.
    #[cfg(feature = "test-util")]
    pub async fn crash(&self) {
        self.shared.faults.crash();
        // Wakes the writer, which sees the crash first.
        let _ = self.trim().await;
        let mut status = self.status();
        let _ = status.wait_for(|status| status.kind == headwater_store::StatusKind::Closed).await;
    }
}

/// Why the database did not open.
pub(crate) fn opening(path: &Path, error: &fjall::Error) -> Error {
    let path = path.display();
    match error {
        fjall::Error::Locked => Error::config(format_args!("{path} is in use by another process: stop it")),
        fjall::Error::InvalidVersion(_) => Error::config(format_args!(
            "{path} was written by a version this one does not read: use that one; nothing was touched"
        )),
        fjall::Error::Io(e) => Error::config(format_args!("{path} cannot be used: {e}")),
        _ => Error::corrupt(None, format_args!("{path}: {error}")),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::unavailable)?
}

#[async_trait]
impl EventLog for EmbeddedStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.shared.epoch()
    }

    fn lanes(&self) -> u16 {
        self.shared.identity.lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        if self.shared.is_closed() {
            return Err(Error::Closed);
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let identity = self.shared.identity;
        let events = Prepared::batch(batch, identity.lanes, identity.seed);
        let bytes = events.iter().map(|event| event.json.len()).sum::<usize>();
        let all = (self.shared.options.queue_bytes / ROOM_UNIT).max(1);
        // A batch that is larger than the queue has it for itself.
        let units = u32::try_from(bytes.div_ceil(ROOM_UNIT).min(all)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| Error::Closed)?;
        self.ask(|reply| Request::Append { events, room, reply }).await
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let tail = self.shared.tail();
        if self.shared.is_closed() {
            return Err(Error::Closed);
        }
        // A reader at the tail asks what is new: no thread is needed to say nothing.
        if after >= tail {
            return Ok(Page { next: after, ..Page::default() });
        }
        let scope = scope.clone();
        let limit = Limit { records: limit, bytes: max_bytes };
        self.read_with(move |shared| read::page(shared, &scope, after, limit)).await
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        if self.shared.is_closed() {
            return Err(Error::Closed);
        }
        Ok(self.shared.ring.follow(scope.clone(), self.lanes(), after))
    }

    async fn tail(&self) -> Result<Position, Error> {
        if self.shared.is_closed() {
            return Err(Error::Closed);
        }
        Ok(self.shared.tail())
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        let (tenant, stream) = (tenant.clone(), stream.clone());
        self.read_with(move |shared| read::run(shared, &tenant, &stream)).await
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.read_with(move |shared| read::runs(shared, &tenant, after.as_ref(), limit)).await
    }

    async fn trim(&self) -> Result<(), Error> {
        self.ask(|reply| Request::Control(Control::Trim { reply })).await
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let (tenant, stream) = (tenant.clone(), stream.clone());
        self.ask(|reply| Request::Control(Control::Remove { tenant, stream, reply })).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.ask(|reply| Request::Control(Control::Close { reply })).await
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been reported by its thread.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("epoch", &self.shared.epoch())
            .field("tail", &self.shared.tail())
            .finish_non_exhaustive()
    }
}
