//! Faults on demand, for tests: nothing here is reachable without the feature `test-util`.

use std::sync::atomic::{AtomicBool, Ordering};

/// Which faults are to happen.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    fail: AtomicBool,
    doubt: AtomicBool,
    crash: AtomicBool,
}

/// What happens to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails and stores nothing.
    Before,
    /// It stores everything and is reported as failed.
    After,
}

impl Faults {
    /// What is to happen to the next commit.
    pub(crate) fn next(&self) -> Option<Fault> {
        if self.fail.load(Ordering::Relaxed) {
            return Some(Fault::Before);
        }
        self.doubt.swap(false, Ordering::Relaxed).then_some(Fault::After)
    }

    /// Whether the writer is to stop as if the process had ended.
    pub(crate) fn crashed(&self) -> bool {
        self.crash.load(Ordering::Relaxed)
    }
}

#[cfg(feature = "test-util")]
impl Faults {
    pub(crate) fn fail(&self, fail: bool) {
        self.fail.store(fail, Ordering::Relaxed);
    }

    pub(crate) fn doubt(&self) {
        self.doubt.store(true, Ordering::Relaxed);
    }

    pub(crate) fn crash(&self) {
        self.crash.store(true, Ordering::Relaxed);
    }
}
