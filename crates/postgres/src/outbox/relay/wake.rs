//! Waking up when something was enqueued.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::JoinHandle};

/// The pause before the server is listened to again.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens in a task of its own, on a connection of its own. What is missed while that is gone the polling finds.
#[derive(Debug)]
pub(super) struct Wake {
    notify: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Wake {
    pub(super) fn listen(pool: PgPool, channel: String) -> Self {
        let notify = Arc::new(Notify::new());
        let task = tokio::spawn(listen(pool, channel, Arc::clone(&notify)));
        Self { notify, task }
    }

    /// Waits until something was enqueued since the last time.
    pub(super) async fn next(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(pool: PgPool, channel: String, notify: Arc<Notify>) {
    loop {
        if let Err(error) = until_lost(&pool, &channel, &notify).await {
            tracing::debug!(%error, "not listening to the outbox: polling finds what comes");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn until_lost(pool: &PgPool, channel: &str, notify: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    loop {
        // What came before we listened, or while the connection was made anew, gave no notice.
        notify.notify_one();
        while listener.try_recv().await?.is_some() {
            notify.notify_one();
        }
    }
}
