//! Where programs are looked for.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// A program: in `PATH`, then where `cargo xtask setup` puts it, then in `/usr/sbin`.
pub(crate) fn program(name: &str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let tools = tools().into_iter().map(|tools| tools.join("bin"));
    let mut all = env::split_paths(&path).chain(tools).chain([PathBuf::from("/usr/sbin")]);
    all.find_map(|folder| {
        let file = folder.join(name);
        file.is_file().then_some(file)
    })
    .ok_or_else(|| {
        Error::Missing(format!("{name} is not installed: run `cargo xtask setup`, which says how"))
    })
}

/// A folder that `cargo xtask setup` fills.
pub(crate) fn folder(name: &str) -> Result<PathBuf, Error> {
    let found = tools().into_iter().map(|tools| tools.join(name)).find(|folder| folder.is_dir());
    found.ok_or_else(|| {
        Error::Missing(format!("{name} is not installed: run `cargo xtask setup`, which says how"))
    })
}

/// `tools` beside the build: of this program, of cargo, of the workspace.
fn tools() -> Vec<PathBuf> {
    let here = env::current_exe().unwrap_or_default();
    let mut targets: Vec<PathBuf> = here.ancestors().skip(1).take(4).map(Path::to_owned).collect();
    targets.extend(env::var_os("CARGO_TARGET_DIR").map(PathBuf::from));
    targets.extend(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|root| root.join("target")));
    targets.into_iter().map(|target| target.join("tools")).collect()
}
