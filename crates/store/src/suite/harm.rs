//! What a clause may do to the server behind a store.

use std::time::Duration;

use async_trait::async_trait;

use crate::{StreamName, Tenant};

/// Faults of the server behind a store. Each call has happened when it returns; each that gives `false` has done
/// nothing, because this server or fixture cannot, and the clause says so and is skipped.
///
/// Calls come after the store was opened, one at a time. The fixture undoes at its drop what a clause left, and a
/// panicking clause drops it too: a stopped process is continued or killed.
#[async_trait]
pub trait Faults: Send + Sync {
    /// The server's settings that decide what may be lost, in one line, such as `appendonly yes, appendfsync always`:
    /// what the reports of the fault clauses state.
    fn settings(&self) -> String;

    /// Stops the server in order and starts it again with its data, on the same address.
    async fn restart(&self) -> bool {
        false
    }

    /// Kills the server (SIGKILL) and starts it again with what its disk has, on the same address.
    async fn kill(&self) -> bool {
        false
    }

    /// Stops the server's process where it stands (SIGSTOP): its connections stay open and nobody answers.
    async fn pause(&self) -> bool {
        false
    }

    /// Lets it go on (SIGCONT).
    async fn resume(&self) -> bool {
        false
    }

    /// Cuts every connection that there is, in the middle of a reply where one is on its way; new ones are taken.
    async fn cut(&self) -> bool {
        false
    }

    /// Takes all data from the running server, as one does who resets or replaces it: the numbering begins anew, so
    /// the epoch is another one.
    async fn wipe(&self) -> bool {
        false
    }

    /// Writes an entry that is none of ours where the next event of that stream would stand.
    async fn spoil(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        let _ = (tenant, stream);
        false
    }

    /// Deletes the stream (or, where the server knows no smaller thing, the topic or log that it lies in) by the
    /// server's own means, past the store.
    async fn delete_under(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        let _ = (tenant, stream);
        false
    }

    /// How many connections were opened to the server so far, failed ones too, as its proxy counted them; `None`
    /// where nobody counts.
    fn attempts(&self) -> Option<u64> {
        None
    }
}

/// What is done to a server in the midst of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It restarts.
    Restart,
    /// It is killed and starts again.
    Kill,
    /// It stands still for a while.
    Pause(Duration),
    /// Its connections are cut, again and again.
    Cut,
}

impl Harm {
    /// Does it. Gives `false` where the server or the fixture cannot.
    pub async fn to(self, faults: &dyn Faults) -> bool {
        match self {
            Self::Restart => faults.restart().await,
            Self::Kill => faults.kill().await,
            Self::Pause(still) => {
                let paused = faults.pause().await;
                if paused {
                    tokio::time::sleep(still).await;
                }
                paused && faults.resume().await
            }
            Self::Cut => {
                for _ in 0..5 {
                    if !faults.cut().await {
                        return false;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                true
            }
        }
    }

    /// What to say where it cannot be done.
    #[must_use]
    pub const fn cannot(self) -> &'static str {
        match self {
            Self::Restart => "the server cannot be restarted here",
            Self::Kill => "the server cannot be killed here",
            Self::Pause(_) => "the server cannot be stopped where it stands",
            Self::Cut => "connections cannot be cut here",
        }
    }
}
