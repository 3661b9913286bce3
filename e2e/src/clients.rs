//! Unmodified clients, run in Node.js.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::SyncSender,
    thread,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The scripts of `e2e/clients` beside their installed libraries.
#[derive(Debug, Clone)]
pub struct Clients {
    folder: PathBuf,
}

impl Clients {
    /// Finds the libraries that `cargo xtask setup` installed beside the build and puts the scripts there.
    ///
    /// # Errors
    /// They are not installed.
    pub fn find() -> Result<Self> {
        let here = std::env::current_exe()?;
        let folders = here.ancestors().skip(1).take(4).map(|dir| dir.join("e2e/clients"));
        let mut installed = folders.filter(|dir| dir.join("node_modules/eventsource").exists());
        let folder = installed.next().context("the client libraries are missing: run `cargo xtask setup`")?;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        for name in ["package.json", "publisher.mjs", "reader.mjs"] {
            fs::copy(scripts.join(name), folder.join(name)).with_context(|| name.to_owned())?;
        }
        Ok(Self { folder })
    }

    /// Starts a script. Each line it prints goes to `lines` as JSON, under `tag`.
    ///
    /// # Errors
    /// Node.js does not start.
    pub fn start<T: Clone + Send + 'static>(
        &self,
        script: &str,
        args: &[String],
        tag: T,
        lines: SyncSender<(T, Value)>,
    ) -> Result<Client> {
        let mut process = Command::new("node")
            .current_dir(&self.folder)
            .arg(script)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("node does not start")?;
        let out = process.stdout.take().context("no stdout")?;
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if lines.send((tag.clone(), value)).is_err() {
                    return;
                }
            }
        });
        Ok(Client { process, script: script.to_owned() })
    }
}

/// A running client. Dropping it kills it.
#[derive(Debug)]
pub struct Client {
    process: Child,
    script: String,
}

impl Client {
    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Fails if it has ended with an error.
    ///
    /// # Errors
    /// It has.
    pub fn fine(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            ensure!(status.success(), "{} failed: {status}", self.script);
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
