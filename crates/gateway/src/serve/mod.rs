//! Accepting connections, and stopping in order.

mod connection;
mod front;
mod guard;
mod stream;

use std::{future::pending, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{interval, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{app::App, gateway::Error, meters};

/// How often the recorder sorts what it has gathered.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long accepting rests where the process is out of file descriptors or memory.
const REST: Duration = Duration::from_millis(100);

pub(crate) async fn serve(
    app: Arc<App>,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let tracker = TaskTracker::new();
    let cut = app.cut.clone();
    let seats = Arc::new(Semaphore::new(app.config.max_connections.min(Semaphore::MAX_PERMITS)));
    let door = connection::Door::new(Arc::clone(&app), router, cut.clone());
    let outcome = {
        let mut shutdown = pin!(shutdown);
        let mut upkeep = pin!(upkeep());
        let mut fresh = pin!(app.authority.keep_fresh());
        loop {
            select! {
                () = &mut shutdown => break Ok(()),
                () = app.draining.cancelled() => break Ok(()),
                () = &mut upkeep => {}
                () = &mut fresh => {}
                accepted = accept(&listener, &seats) => match accepted {
                    Ok((stream, seat)) => {
                        tracker.spawn(door.run(stream, seat));
                    }
                    Err(error) if is_passing(&error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(REST).await;
                    }
                    Err(error) => break Err(Error::Accept(error)),
                },
            }
        }
    };
    drop(listener);
    app.draining.cancel();
    tracker.close();
    app.sockets.close();
    let patience = Duration::from_millis(app.config.shutdown_timeout_ms);
    if timeout(patience, quiet(&tracker, &app.sockets)).await.is_err() {
        let open = tracker.len() + app.sockets.len();
        tracing::warn!(connections = open, "connections are still open: cutting them");
        cut.cancel();
        quiet(&tracker, &app.sockets).await;
    }
    outcome
}

/// Connections first: one of them may become a socket yet.
async fn quiet(connections: &TaskTracker, sockets: &TaskTracker) {
    connections.wait().await;
    sockets.wait().await;
}

/// The next connection, once there is a seat for it.
async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, seat))
}

/// Whether accepting may work again: the connection was gone already, or something is used up.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionAborted
            | K::ConnectionReset
            | K::ConnectionRefused
            | K::Interrupted
            | K::WouldBlock
            | K::OutOfMemory
    ) || matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS))
}

// Numbers of Linux; they mean nothing bad elsewhere.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const ENOBUFS: i32 = 105;

/// Keeps the recorder's memory bounded: without a listener of its own nobody else does.
pub(crate) async fn upkeep() {
    let Some(handle) = meters::handle() else {
        return pending().await;
    };
    let mut tick = interval(UPKEEP);
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}
