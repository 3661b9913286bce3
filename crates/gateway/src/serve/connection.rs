//! One connection: HTTP/1.1, or HTTP/2 where the client begins with its preface.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    server::conn::{http1, http2},
    service::{Service as _, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, select, sync::OwnedSemaphorePermit, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    front::Front,
    guard::Guarded,
    stream::{Streams, watched},
};
use crate::app::App;

/// What every connection needs.
pub(super) struct Door(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    front: Front,
    cut: CancellationToken,
    http1: http1::Builder,
    http2: http2::Builder<Streams>,
}

/// How an HTTP/2 client begins. No HTTP/1 method does.
const PREFACE: &[u8] = b"PRI * HTTP/2";

impl Door {
    pub(super) fn new(app: Arc<App>, router: Router, cut: CancellationToken) -> Self {
        let config = &app.config;
        let head = Duration::from_millis(config.header_read_timeout_ms);
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(head)
            .max_buf_size(config.connection_buffer_bytes)
            .pipeline_flush(false);
        let lifetime =
            (config.reader_lifetime_ms > 0).then(|| Duration::from_millis(config.reader_lifetime_ms));
        let mut http2 = http2::Builder::new(Streams {
            patience: Duration::from_millis(config.write_stall_timeout_ms),
            lifetime,
            counter: app.meters.stalled.clone(),
        });
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .max_header_list_size(16 * 1024)
            .max_send_buf_size(config.connection_buffer_bytes)
            .keep_alive_interval(head)
            .keep_alive_timeout(Duration::from_millis(config.write_stall_timeout_ms));
        let front = Front::new(Arc::clone(&app), router);
        Self(Arc::new(Inner { app, front, cut, http1, http2 }))
    }

    /// Serves one connection until it ends, or until the gateway stops and it has finished what it was doing.
    pub(super) fn run(
        &self,
        stream: TcpStream,
        seat: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let inner = Arc::clone(&self.0);
        async move {
            let _seat = seat;
            let meters = &inner.app.meters;
            meters.connections.increment(1.0);
            inner.serve(stream).await;
            meters.connections.decrement(1.0);
        }
    }
}

impl Inner {
    async fn serve(&self, stream: TcpStream) {
        // Without it a small frame waits for the acknowledgement of the one before.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        // One of its own: whoever waits for a token locks it each time it is woken, for each request more than once.
        let draining = self.app.draining.child_token();
        let head = Duration::from_millis(self.app.config.header_read_timeout_ms);
        let mut first = [0; PREFACE.len()];
        let peeked = select! {
            peeked = timeout(head, stream.peek(&mut first)) => peeked,
            () = draining.cancelled() => return,
        };
        let Ok(Ok(read @ 1..)) = peeked else { return };
        let patience = Duration::from_millis(self.app.config.write_stall_timeout_ms);
        let io = TokioIo::new(Guarded::new(stream, patience, self.app.meters.stalled.clone()));
        if first[..read].starts_with(PREFACE) {
            Box::pin(self.serve_http2(io, &draining)).await;
        } else {
            self.serve_http1(io, &draining).await;
        }
    }

    async fn serve_http1(&self, io: TokioIo<Guarded>, draining: &CancellationToken) {
        let mut connection = pin!(self.http1.serve_connection(io, &self.front).with_upgrades());
        select! {
            ended = connection.as_mut() => return note(ended),
            () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        select! {
            ended = connection => note(ended),
            // It never comes before the other.
            () = self.cut.cancelled() => {}
        }
    }

    async fn serve_http2(&self, io: TokioIo<Guarded>, draining: &CancellationToken) {
        let service = service_fn(|request| {
            let answer = self.front.call(request);
            async move { answer.await.map(watched) }
        });
        let mut connection = pin!(self.http2.serve_connection(io, service));
        select! {
            ended = connection.as_mut() => return note(ended),
            () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        select! {
            ended = connection => note(ended),
            // It never comes before the other.
            () = self.cut.cancelled() => {}
        }
    }
}

/// Connections end in every way there is; nothing of it is the gateway's to mend.
fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
