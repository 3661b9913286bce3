//! Several workers in one process.

use headwater_broker::Group;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Error, Report, Worker};

/// Workers that run side by side, each in a task of its own: one that fails, or whose group is stuck, holds up no other.
#[derive(Debug, Default)]
pub struct WorkerSet {
    workers: Vec<Worker>,
}

/// What became of one worker of a set.
#[derive(Debug)]
pub struct Ended {
    /// Its group.
    pub group: Group,
    /// What it has done, or why it could not go on.
    pub outcome: Result<Report, Error>,
}

impl WorkerSet {
    /// No workers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a worker. There may be several of one group.
    #[must_use]
    pub fn with(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Runs them all until `stop` is ready, and lets each drain. Comes back when the last one has ended: one that fails
    /// before is logged, and told here.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Vec<Ended> {
        let (token, mut running, mut ended) = (CancellationToken::new(), JoinSet::new(), Vec::new());
        for worker in self.workers {
            let stop = token.clone();
            running.spawn(async move {
                let group = worker.group().clone();
                let outcome = worker.run(stop.cancelled_owned()).await;
                if let Err(error) = &outcome {
                    tracing::error!(%group, %error, code = error.code(), "a worker cannot go on");
                }
                Ended { group, outcome }
            });
        }
        let mut stop = std::pin::pin!(stop);
        let mut stopping = false;
        loop {
            tokio::select! {
                () = &mut stop, if !stopping => {
                    stopping = true;
                    token.cancel();
                }
                one = running.join_next() => match one {
                    Some(Ok(one)) => ended.push(one),
                    Some(Err(error)) => tracing::error!(%error, "a worker broke down"),
                    None => return ended,
                },
            }
        }
    }
}
