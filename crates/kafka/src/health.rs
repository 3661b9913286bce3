//! How the store is doing.

use headwater_store::{Status, StatusKind, connection};
use tokio::sync::watch;

/// The status as the callbacks of all clients change it.
#[derive(Debug)]
pub(crate) struct Health(watch::Sender<Status>);

impl Health {
    pub(crate) fn new(servers: &str) -> Self {
        let detail = format!("connected to kafka at {servers}");
        connection::reached();
        Self(watch::Sender::new(Status { kind: StatusKind::Ready, detail }))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// It answers again.
    pub(crate) fn well(&self, servers: &str) {
        if self.0.borrow().kind == StatusKind::Away {
            tracing::info!(servers, "kafka is back");
            connection::reached_again();
            self.set(StatusKind::Ready, format!("connected to kafka at {servers}"));
        }
    }

    /// It does not answer.
    pub(crate) fn away(&self, reason: &str) {
        let known = {
            let status = self.0.borrow();
            status.kind == StatusKind::Away && status.detail == reason
        };
        if !known {
            tracing::warn!(reason, "kafka is away");
            connection::lost();
            self.set(StatusKind::Away, reason.to_owned());
        }
    }

    /// The store was closed: this is the last word.
    pub(crate) fn closed(&self) {
        self.set(StatusKind::Closed, "closed".to_owned());
    }

    pub(crate) fn is_away(&self) -> bool {
        self.0.borrow().kind == StatusKind::Away
    }

    fn set(&self, kind: StatusKind, detail: String) {
        self.0.send_if_modified(|status| {
            let open = status.kind != StatusKind::Closed;
            if open {
                *status = Status { kind, detail };
            }
            open
        });
    }
}
