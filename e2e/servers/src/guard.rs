//! A process that does not outlive ours.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Error;

const SCRIPT: &str = include_str!("guard.sh");

/// A server under its guard. Dropping it, or dying, kills the server and removes its folder.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    pub(crate) fn spawn(folder: &Path, log: &Path, program: &Path, args: &[OsString]) -> Result<Self, Error> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .args([folder, log, program])
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("sh does not start"))?;
        let (Some(orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(Error::failed("sh has no pipes"));
        };
        Ok(Self { shell, orders: Some(orders), answers: BufReader::new(answers) })
    }

    /// How the server ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// Sends a signal and returns when it was sent. A server that has ended gets none.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), Error> {
        self.order(name)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(Error::io("the guard does not answer"))?;
        if answer.is_empty() { Err(Error::failed("the server has ended")) } else { Ok(()) }
    }

    /// Sends a signal that ends the server and waits for that.
    pub(crate) fn end(mut self, signal: &str, patience: Duration) -> Result<ExitStatus, Error> {
        self.order(signal)?;
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if begin.elapsed() > patience {
                return Err(Error::failed(format!(
                    "the server does not end within {patience:?} of SIG{signal}"
                )));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn order(&mut self, signal: &str) -> Result<(), Error> {
        let orders = self.orders.as_mut().ok_or_else(|| Error::failed("the guard is gone"))?;
        writeln!(orders, "{signal}").map_err(|_| Error::failed("the server has ended"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}
