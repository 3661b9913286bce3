//! The picture of the demo: a real run in a real terminal of 100 by 30, caught in the middle.

mod svg;

use std::{
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// A terminal server of our own, so that no other session is touched.
const SOCKET: &str = "headwater-picture";
const COLUMNS: usize = 100;
const ROWS: usize = 30;
/// What stands on the screen at the moment that is kept: the reader is back and an agent repairs what another found.
const MOMENT: [&str; 2] = ["missed 0", "forty things"];
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the binary, runs the demo and writes `docs/demo.svg`.
pub(crate) fn run() -> Result<ExitCode> {
    shell::run(shell::cargo().args(["build", "--package", "headwater-cli"]))?;
    let binary = shell::target_dir()?.join("debug/headwater");
    let size = [COLUMNS.to_string(), ROWS.to_string()];
    let mut start = tmux(&["new-session", "-d", "-x", &size[0], "-y", &size[1]]);
    // The pane stays when the demo is over, so that a late look does not find it gone.
    start.args(["-e", "COLORTERM=truecolor"]).arg(format!("{} demo; sleep 60", binary.display()));
    shell::run(&mut start)?;
    let screen = catch();
    // The demo may have ended the server already.
    let _ = tmux(&["kill-server"]).status();
    let path = shell::root().join("docs/demo.svg");
    std::fs::write(&path, svg::draw(&screen?, COLUMNS, "headwater demo"))?;
    eprintln!("wrote {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Looks at the screen until the moment has come.
fn catch() -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(100));
        let out = tmux(&["capture-pane", "-e", "-p"]).output().context("tmux does not answer")?;
        let screen = String::from_utf8_lossy(&out.stdout).into_owned();
        let plain = svg::plain(&screen);
        if MOMENT.iter().all(|words| plain.contains(words)) {
            return Ok(screen);
        }
    }
    bail!("the demo did not show {MOMENT:?}")
}

fn tmux(args: &[&str]) -> Command {
    let mut tmux = Command::new("tmux");
    tmux.args(["-L", SOCKET]).args(args);
    tmux
}
