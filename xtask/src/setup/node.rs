//! Node.js and the client libraries of the end-to-end tests.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::apt::apt;
use crate::shell;

/// The oldest Node.js that runs the client libraries of `e2e/clients`.
const NODE_MAJOR: u32 = 18;

/// Whether they are there, or could be installed.
pub(super) fn node() -> Result<bool> {
    if !node_found() {
        eprintln!("node: missing or older than {NODE_MAJOR}");
        if let Err(error) = apt(&["nodejs", "npm"]) {
            eprintln!("node: {error:#}");
        }
    }
    if !node_found() {
        eprintln!(
            "node: install Node.js {NODE_MAJOR} or newer with npm; end-to-end tests with real clients are skipped"
        );
        return Ok(false);
    }
    if let Err(error) = packages() {
        eprintln!("node: {error:#}; end-to-end tests with real clients are skipped");
        return Ok(false);
    }
    Ok(true)
}

fn node_found() -> bool {
    let version = shell::probe("node", &["--version"]);
    let major = version.as_deref().and_then(major);
    let good =
        major.is_some_and(|major| major >= NODE_MAJOR) && shell::probe("npm", &["--version"]).is_some();
    if good {
        eprintln!("node: found {}", version.unwrap_or_default());
    }
    good
}

fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Puts the client libraries beside the build, exactly as the lock file names them.
fn packages() -> Result<()> {
    let from = shell::root().join("e2e/clients");
    let to = shell::target_dir()?.join("e2e/clients");
    fs::create_dir_all(&to)?;
    let lock =
        fs::read(from.join("package-lock.json")).context("e2e/clients/package-lock.json cannot be read")?;
    let done = to.join("node_modules/.headwater-lock");
    if fs::read(&done).is_ok_and(|installed| installed == lock) {
        eprintln!("client libraries: found");
        return Ok(());
    }
    for name in ["package.json", "package-lock.json"] {
        fs::copy(from.join(name), to.join(name))?;
    }
    eprintln!("client libraries: installing with npm");
    shell::run(npm(&to).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    fs::write(done, lock)?;
    Ok(())
}

fn npm(dir: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(dir);
    npm
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("18.0.0"), Some(18));
        assert_eq!(major("nightly"), None);
    }
}
