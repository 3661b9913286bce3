//! A real server in a process of its own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{Chance, get};

/// A server on a fixed port with its own folder. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    address: SocketAddr,
    broker: String,
    process: Option<Child>,
}

/// What the server says, beside its data.
const LOG: &str = "server.log";
/// How long a start may take before it counts as failed.
const START: Duration = Duration::from_secs(60);

impl Server {
    /// The server that was built beside this program, or the one that `HEADWATER_BIN` names.
    ///
    /// # Errors
    /// There is none.
    pub fn program() -> Result<PathBuf> {
        if let Some(named) = std::env::var_os("HEADWATER_BIN") {
            return Ok(named.into());
        }
        let here = std::env::current_exe()?;
        let found = here.ancestors().skip(1).take(2).map(|dir| dir.join("headwater")).find(|p| p.exists());
        found.context("the server is not built: `cargo xtask test` builds it, or set HEADWATER_BIN")
    }

    /// A server that does not run yet, over a broker, or over a log of its own in an empty folder. Its port is its own
    /// for as long as it lives.
    ///
    /// # Errors
    /// No folder or no port.
    pub fn new(program: &Path, chance: &mut Chance, broker: Option<&str>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("headwater-e2e-").tempdir()?;
        let address = free_port(chance)?;
        let own = || format!("embedded:{}", folder.path().join("data").display());
        let broker = broker.map_or_else(own, str::to_owned);
        Ok(Self { program: program.to_owned(), folder, address, broker, process: None })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://…`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The configuration URL of its log.
    #[must_use]
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// It ends at once, or is not ready in time.
    pub fn start(&mut self) -> Result<()> {
        let process = Command::new(&self.program)
            .args(["serve", "--listen", &self.address.to_string(), "--broker", self.broker()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join(LOG))?)
            .env("HEADWATER_LOG", "warn")
            .spawn()
            .with_context(|| format!("{} does not start", self.program.display()))?;
        let process = self.process.insert(process);
        let log = self.folder.path().join(LOG);
        let begin = Instant::now();
        loop {
            if let Some(status) = process.try_wait()? {
                bail!(
                    "the server ended while starting: {status}\n{}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
            if get(self.address, "/readyz").is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            if begin.elapsed() > START {
                bail!("the server is not ready after {START:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it as a power cut would: without a word (SIGKILL).
    ///
    /// # Errors
    /// It had ended by itself, which it must not.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        if let Some(status) = process.try_wait()? {
            bail!("the server ended by itself: {status}");
        }
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// What it has said so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// Runs `headwater check` on the folder of the killed server, if it has one.
    ///
    /// # Errors
    /// The log is damaged.
    pub fn check(&self) -> Result<()> {
        if !self.broker.starts_with("embedded:") {
            return Ok(());
        }
        let out = Command::new(&self.program).args(["check", "--broker", self.broker()]).output()?;
        let text = String::from_utf8_lossy(&out.stderr);
        anyhow::ensure!(out.status.success(), "headwater check: {}\n{text}", out.status);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A port below the range from which the kernel takes ports for clients: a client that looks for a killed server
/// there could otherwise be given that very port and talk to itself.
fn free_port(chance: &mut Chance) -> Result<SocketAddr> {
    for _ in 0..200 {
        let port = u16::try_from(20_000 + chance.below(12_000)).unwrap_or(20_000);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port between 20000 and 32000")
}
