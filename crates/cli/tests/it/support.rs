//! The real binary, in a folder of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

/// How long anything may take: generous, since a test machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, without the environment's own settings.
pub(crate) fn headwater(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEADWATER_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    headwater(folder).args(args).output().unwrap()
}

/// Runs a command with input.
pub(crate) fn run_with(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = headwater(folder);
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a command wrote to stdout.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running `headwater serve`, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
}

impl Server {
    /// Starts one on a free port over `embedded:./data` in `folder`.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = headwater(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--broker", "embedded:./data"]).args(args);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::sync_channel(1024);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Nobody reads any more once the address is known.
                let _ = sender.try_send(line);
            }
        });
        let mut said = Vec::new();
        let url = loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => match line.split("listening on ").nth(1) {
                    Some(rest) => break rest.split(' ').next().unwrap().to_owned(),
                    None => said.push(line),
                },
                Err(_) => panic!("the server did not start: {said:?}"),
            }
        };
        Self { child, url }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code that follows.
    #[cfg(unix)]
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `kill` and `terminate`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Events of a run as JSON Lines: started, some tasks, completed unless `open`.
pub(crate) fn events(run: &str, tasks: usize, open: bool) -> String {
    let event = |id: usize, ty: &str, subject: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{run}-{id}","source":"/test","type":"{ty}","subject":"{subject}","time":"2026-01-01T00:00:00Z","data":{{}}}}"#
        ) + "\n"
    };
    let mut lines = event(0, "workflow.started.v1", run);
    for task in 1..=tasks {
        lines += &event(task, "my.note", &format!("{run}/task/{task}"));
    }
    if !open {
        lines += &event(tasks + 1, "workflow.completed.v1", run);
    }
    lines
}
