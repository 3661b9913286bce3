//! Redis.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::apt::apt;
use crate::shell;

/// Debian's package of tools has the server too, under the name of its checker: the one binary goes by what it is
/// called. Unlike the package `redis-server` it starts no service.
const BINARY: &str = "/usr/bin/redis-check-rdb";

/// Finds `redis-server`, or installs it.
pub(super) fn install(tools: &Path) -> Result<()> {
    let ours = tools.join("bin/redis-server");
    for program in [Path::new("redis-server"), &ours] {
        if let Some(version) = shell::probe(program.to_string_lossy().as_ref(), &["--version"]) {
            eprintln!("redis-server: found {}", version.split(" sha=").next().unwrap_or_default());
            return Ok(());
        }
    }
    eprintln!("redis-server: missing");
    apt(&["redis-tools"])
        .context("install Redis 6.2.7 or newer, or Valkey, so that `redis-server` is in PATH")?;
    link(&ours)?;
    let version = shell::probe(&ours.to_string_lossy(), &["--version"]);
    ensure!(version.is_some(), "{BINARY} is no server here: install Redis so that `redis-server` is in PATH");
    Ok(())
}

#[cfg(unix)]
fn link(ours: &Path) -> Result<()> {
    fs::create_dir_all(ours.parent().unwrap_or(ours))?;
    let _ = fs::remove_file(ours);
    Ok(std::os::unix::fs::symlink(BINARY, ours)?)
}

#[cfg(not(unix))]
fn link(_ours: &Path) -> Result<()> {
    anyhow::bail!("install Redis so that `redis-server` is in PATH")
}
