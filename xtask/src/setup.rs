//! Installs what the tests need and says what it did.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::shell;

/// The oldest Node.js that runs the client libraries of `e2e/clients`.
const NODE_MAJOR: u32 = 18;

/// What is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// Node.js and the client libraries of the end-to-end tests.
    pub(crate) node: bool,
}

/// Looks for every tool, installs what is missing where that is possible, and says what to do where it is not.
pub(crate) fn run() -> Result<Ready> {
    eprintln!("== setup");
    component("fmt", "rustfmt")?;
    component("clippy", "clippy")?;
    Ok(Ready { node: node()? })
}

fn component(subcommand: &str, name: &str) -> Result<()> {
    let found = shell::cargo().args([subcommand, "--version"]).output().is_ok_and(|out| out.status.success());
    if found {
        eprintln!("{name}: found");
        return Ok(());
    }
    eprintln!("{name}: missing, installing with rustup");
    shell::run(Command::new("rustup").args(["component", "add", name])).with_context(|| {
        format!("`cargo {subcommand}` is missing: install the {name} component of your toolchain")
    })
}

fn node() -> Result<bool> {
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

/// Installs Debian packages where we may.
fn apt(packages: &[&str]) -> Result<()> {
    let root = shell::probe("id", &["-u"]).is_some_and(|id| id == "0");
    let apt = shell::probe("apt-get", &["--version"]).is_some();
    anyhow::ensure!(root && apt, "cannot install {} without root and apt-get", packages.join(" and "));
    eprintln!("installing {} with apt-get", packages.join(" and "));
    let get = || {
        let mut get = Command::new("apt-get");
        get.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        get
    };
    shell::run(get().arg("update"))?;
    shell::run(get().args(["install", "-y", "--no-install-recommends"]).args(packages))
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
