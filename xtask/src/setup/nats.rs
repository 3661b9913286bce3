//! NATS.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::shell;

const MODULE: &str = "github.com/nats-io/nats-server/v2";
const VERSION: &str = "2.15.2";

/// Finds `nats-server`, or builds it with Go. Debian's is too old.
pub(super) fn install(tools: &Path) -> Result<()> {
    let bin = tools.join("bin");
    let ours = bin.join("nats-server");
    for program in [Path::new("nats-server"), &ours] {
        match shell::probe(&program.to_string_lossy(), &["--version"]) {
            Some(version) if recent(&version) => {
                eprintln!("{version}: found");
                return Ok(());
            }
            Some(version) => eprintln!("{version}: found, too old"),
            None => {}
        }
    }
    let go = shell::probe("go", &["version"]).context(
        "missing: put NATS Server 2.11 or newer in PATH, or install Go 1.21 or newer, which builds it here",
    )?;
    eprintln!("nats-server: building {VERSION} with {go}");
    let mut build = Command::new("go");
    build.env("GOBIN", &bin).env("CGO_ENABLED", "0").args(["install", &format!("{MODULE}@v{VERSION}")]);
    shell::run(&mut build)?;
    ensure!(ours.is_file(), "go put no {}", ours.display());
    Ok(())
}

/// The tests use what 2.11 brought, deltas that expire each by itself among it.
fn recent(version: &str) -> bool {
    let number = version.rsplit(['v', ' ']).next().unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (parts.next(), parts.next()) >= (Some(2), Some(11))
}

#[cfg(test)]
mod tests {
    use super::recent;

    #[test]
    fn knows_an_old_server() {
        assert!(
            recent("nats-server: v2.15.2") && recent("nats-server: v2.11.0") && recent("nats-server: v3.0.0")
        );
        assert!(
            !recent("nats-server: v2.9.10") && !recent("nats-server: version 2.10.1") && !recent("what?")
        );
    }
}
