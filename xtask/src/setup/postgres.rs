//! PostgreSQL.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context, Result, ensure};

use super::apt::apt;
use crate::shell;

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Says whether Debian's packages start a cluster of their own.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// Finds `postgres`, or installs it. No service is started.
pub(super) fn install() -> Result<()> {
    if let Some(version) = found() {
        eprintln!("postgres: found {version}");
        return Ok(());
    }
    eprintln!("postgres: missing");
    debian().context("install PostgreSQL 13 or newer, so that `postgres` is in PATH")?;
    ensure!(found().is_some(), "the package is installed and has no `postgres` in {VERSIONS}");
    Ok(())
}

fn found() -> Option<String> {
    shell::probe("postgres", &["--version"]).or_else(|| {
        let versions = fs::read_dir(VERSIONS).ok()?.flatten();
        let mut programs = versions.map(|version| version.path().join("bin/postgres"));
        programs.find_map(|program| shell::probe(&program.to_string_lossy(), &["--version"]))
    })
}

/// The package makes a cluster and starts it unless its own settings, which come first, say otherwise.
fn debian() -> Result<()> {
    apt(&["postgresql-common"])?;
    if Path::new(CLUSTERS).exists() {
        let mut settings = fs::OpenOptions::new().append(true).open(CLUSTERS).context(CLUSTERS)?;
        settings.write_all(b"\ncreate_main_cluster = false\n").context(CLUSTERS)?;
    }
    apt(&["postgresql"])
}
