//! How the server ends when its broker cannot work.

use std::{
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::Server;

/// How long the server may look for its broker before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How it ended and what it said.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said on stderr.
    pub said: String,
}

/// Starts a server over a broker that cannot work, and waits until it has given up.
///
/// # Errors
/// It does not start, or serves on.
pub fn refusal(broker: &str) -> Result<Refusal> {
    let mut process = Command::new(Server::program()?)
        .args(["serve", "--listen", "127.0.0.1:0"])
        // As one should: the list of processes shows flags to everybody.
        .env("HEADWATER_BROKER", broker)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the server does not start")?;
    let mut stderr = process.stderr.take().context("no stderr")?;
    let reader = thread::spawn(move || {
        let mut said = String::new();
        let _ = stderr.read_to_string(&mut said);
        said
    });
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break Some(status);
        }
        if begin.elapsed() > PATIENCE {
            process.kill()?;
            process.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = reader.join().unwrap_or_default();
    match status {
        Some(status) => Ok(Refusal { code: status.code(), said }),
        None => bail!("the server goes on over a broker that cannot work:\n{said}"),
    }
}
