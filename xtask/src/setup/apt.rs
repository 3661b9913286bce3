//! Debian packages.

use std::process::Command;

use anyhow::Result;

use crate::shell;

/// Installs Debian packages where we may.
pub(super) fn apt(packages: &[&str]) -> Result<()> {
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
