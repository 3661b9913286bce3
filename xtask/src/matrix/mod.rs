//! The matrix in `docs/brokers.md`: which clause of the contract holds on which store, as the suites found it.
//!
//! Each clause that runs under `cargo xtask test` leaves a small file. They become a row a clause and a column a store,
//! under the clause's own sentence, and must be what is committed. A cell that nobody ran here (a server is missing)
//! stays as it was.

mod clauses;
mod page;
mod table;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell;

/// The page that holds the matrix between [`page::BEGIN`] and [`page::END`].
const PAGE: &str = "docs/brokers.md";

/// Does with what the last run reported what `cargo xtask test` does at its end.
pub(crate) fn run() -> Result<ExitCode> {
    check(&reports()?)?;
    Ok(ExitCode::SUCCESS)
}

fn reports() -> Result<PathBuf> {
    Ok(shell::target_dir()?.join("suite-report"))
}

/// An empty folder for the suites to report to.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = reports()?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Compares the committed matrix with what was reported, or writes it where `HEADWATER_WRITE_DOCS` is set.
pub(crate) fn check(reports: &Path) -> Result<()> {
    let path = shell::root().join(PAGE);
    let committed = std::fs::read_to_string(&path).with_context(|| format!("{PAGE} is not there"))?;
    let entries = read(reports)?;
    let suites = clauses::all(&shell::root())?;
    let (before, old, after) = page::split(&committed).with_context(|| format!("{PAGE} has no markers"))?;
    let new = table::render(&suites, &entries, old);
    if new == old {
        return Ok(());
    }
    if std::env::var_os("HEADWATER_WRITE_DOCS").is_some() {
        let failed: Vec<_> = entries.iter().filter(|entry| entry["outcome"] == "failed").collect();
        ensure!(failed.is_empty(), "{PAGE} is not written: clauses failed: {failed:?}");
        std::fs::write(&path, format!("{before}{new}{after}"))?;
        eprintln!("{PAGE} is written");
        return Ok(());
    }
    let differ: Vec<_> = new.lines().filter(|line| !old.lines().any(|had| had == *line)).collect();
    anyhow::bail!(
        "{PAGE} is not what the suites found: HEADWATER_WRITE_DOCS=1 cargo xtask test writes it\n{}",
        differ.join("\n")
    )
}

fn read(reports: &Path) -> Result<Vec<Value>> {
    let mut entries = Vec::new();
    for file in std::fs::read_dir(reports)? {
        let path = file?.path();
        let text = std::fs::read_to_string(&path)?;
        entries
            .push(serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))?);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of docs/brokers.md are the clauses there are, whether or not anything ran.
    #[test]
    fn the_page_has_every_clause() {
        let committed = std::fs::read_to_string(shell::root().join(PAGE)).expect("docs/brokers.md is there");
        let suites = clauses::all(&shell::root()).expect("the suites can be read");
        let (_, old, _) = page::split(&committed).expect("docs/brokers.md has markers");
        let rendered = table::render(&suites, &[], old);
        assert!(
            rendered == old,
            "a clause is new, gone or reworded: HEADWATER_WRITE_DOCS=1 cargo xtask test"
        );
    }
}
