//! What became of each clause: said aloud, and written down where `HEADWATER_SUITE_REPORT` names a folder.
//!
//! `cargo xtask test` names one and makes of it the matrix in `docs/brokers.md`.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// What became of a clause on one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did not come to its end.
    Failed,
    /// It holds, except for parts that need what the store declares not to have.
    Held {
        /// What the store declares not to have.
        without: Vec<String>,
    },
    /// It needs what the store declares not to have; that it says so was tested.
    Unsupported {
        /// What the store declares not to have.
        capability: String,
    },
    /// It could not be tried.
    Skipped {
        /// Why.
        why: String,
    },
}

/// One clause on one store: the contents of a file of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// `store` or `broker`.
    pub suite: String,
    /// The store, or the way to it.
    pub store: String,
    /// The group of clauses.
    pub group: String,
    /// The clause.
    pub clause: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The settings of the server that decide what may be lost, for clauses that do it harm.
    pub settings: Option<String>,
    /// What the store declares, where the clause is about that.
    pub capabilities: Option<serde_json::Value>,
}

/// A clause that is running.
#[derive(Debug)]
pub struct Report {
    entry: Arc<Mutex<Entry>>,
    path: Option<PathBuf>,
}

tokio::task_local! {
    static RUNNING: Arc<Mutex<Entry>>;
}

impl Report {
    /// Begins to report on a clause: as failed, until it is [held](Self::held).
    #[must_use]
    pub fn begin(suite: &str, store: &str, group: &str, clause: &str) -> Self {
        let path = std::env::var_os("HEADWATER_SUITE_REPORT")
            .map(|dir| PathBuf::from(dir).join(format!("{suite}.{store}.{group}.{clause}.json")));
        let entry = Entry {
            suite: suite.to_owned(),
            store: store.to_owned(),
            group: group.to_owned(),
            clause: clause.to_owned(),
            outcome: Outcome::Failed,
            settings: None,
            capabilities: None,
        };
        let report = Self { entry: Arc::new(Mutex::new(entry)), path };
        report.write();
        report
    }

    /// Runs the clause, which may say [what it cannot try](lacks) meanwhile.
    pub async fn watch<F: Future>(&self, clause: F) -> F::Output {
        RUNNING.scope(Arc::clone(&self.entry), clause).await
    }

    /// The clause came to its end.
    pub fn held(self) {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.outcome == Outcome::Failed {
            entry.outcome = Outcome::Held { without: Vec::new() };
        }
        drop(entry);
        self.write();
    }

    fn write(&self) {
        let Some(path) = &self.path else { return };
        let entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_string_pretty(&*entry).expect("an entry is data");
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder.and_then(|()| std::fs::write(path, text)).expect("the report can be written");
    }
}

fn note(change: impl FnOnce(&mut Entry)) {
    // Nothing is noted for a clause that is run by hand.
    let _ = RUNNING.try_with(|entry| change(&mut entry.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// The store declares not to have what the whole clause is about.
pub fn lacks(capability: &str) {
    println!("not supported: the store declares no {capability}");
    note(|entry| entry.outcome = Outcome::Unsupported { capability: capability.to_owned() });
}

/// The store declares not to have what a part of the clause is about; the rest is tested.
pub fn without(capability: &str) {
    println!("not supported in part: the store declares no {capability}");
    note(|entry| match &mut entry.outcome {
        Outcome::Held { without } if without.iter().any(|had| had == capability) => {}
        Outcome::Held { without } => without.push(capability.to_owned()),
        outcome => *outcome = Outcome::Held { without: vec![capability.to_owned()] },
    });
}

/// The clause cannot be tried here.
pub fn skip(why: &str) {
    println!("SKIPPED: {why}");
    note(|entry| entry.outcome = Outcome::Skipped { why: why.to_owned() });
}

/// The settings of the server under which a clause does it harm.
pub fn settings(text: &str) {
    println!("server settings: {text}");
    note(|entry| entry.settings = Some(text.to_owned()));
}

/// What the store declares.
pub fn declares(capabilities: &crate::Capabilities) {
    note(|entry| entry.capabilities = serde_json::to_value(capabilities).ok());
}
