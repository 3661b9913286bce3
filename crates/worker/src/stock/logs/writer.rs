//! One thread that writes, so that many lines share a flush.

use std::{io, io::Write, sync::Arc, thread};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// How many lines may wait.
const WAITING: usize = 1024;
/// How many bytes are written at once.
const BATCH: usize = 1024 * 1024;

/// Where lines end up.
pub(super) trait Target: Send + 'static {
    /// Writes whole lines, and answers once they are as safe as they get. Where it fails, none of them counts as
    /// written.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// A stream of bytes: flushed, and no more.
pub(super) struct Stream<W>(pub(super) W);

impl<W: Write + Send + 'static> Target for Stream<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)?;
        self.0.flush()
    }
}

/// Why a line was not written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}: {why}")]
pub(super) struct Error {
    what: &'static str,
    why: Arc<str>,
}

struct Order {
    line: Bytes,
    done: oneshot::Sender<Result<(), Error>>,
}

/// Hands lines to the thread.
pub(super) struct Writer {
    what: &'static str,
    orders: mpsc::Sender<Order>,
}

impl Writer {
    /// The thread ends when the writer is dropped.
    pub(super) fn start(what: &'static str, target: impl Target) -> Self {
        let (orders, queue) = mpsc::channel(WAITING);
        thread::spawn(move || run(what, target, queue));
        Self { what, orders }
    }

    /// Comes back once the line is written. Dropping the future leaves open whether it is.
    pub(super) async fn write(&self, line: Bytes) -> Result<(), Error> {
        let gone = || Error { what: self.what, why: "the writer has ended".into() };
        let (done, written) = oneshot::channel();
        self.orders.send(Order { line, done }).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

fn run(what: &'static str, mut target: impl Target, mut queue: mpsc::Receiver<Order>) {
    let (mut lines, mut waiting) = (Vec::new(), Vec::new());
    let mut broken = false;
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(order) = next {
            lines.extend_from_slice(&order.line);
            lines.push(b'\n');
            waiting.push(order.done);
            next = if lines.len() < BATCH { queue.try_recv().ok() } else { None };
        }
        let written = target.write(&lines).map_err(|error| Error { what, why: error.to_string().into() });
        match &written {
            Err(error) if !broken => tracing::error!(%error, "nothing can be written: events wait"),
            Ok(()) if broken => tracing::info!(what, "writing works again"),
            _ => {}
        }
        broken = written.is_err();
        lines.clear();
        for done in waiting.drain(..) {
            let _ = done.send(written.clone());
        }
    }
}
