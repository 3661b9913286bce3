//! Programs from crates.io that are installed beside the build.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

/// The path of `program`, which package `name` has; it is installed first where it is not there yet.
pub(crate) fn installed(name: &str, version: &str, program: &str) -> Result<PathBuf> {
    let tools = shell::target_dir()?.join("tools");
    let path = tools.join("bin").join(program);
    if !path.exists() {
        let mut install = shell::cargo();
        install.args(["install", name, "--version", version, "--locked", "--root"]).arg(&tools);
        shell::run(&mut install)?;
    }
    Ok(path)
}
