//! `cargo xtask soak`: the end-to-end story again and again, with the server killed in every round.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// Builds the server and hands over to the end-to-end program, which prints its seed.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut rounds = "200".to_owned();
    let mut seed = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let value = rest.next().with_context(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--rounds" => rounds.clone_from(value),
            "--seed" => seed = Some(value.clone()),
            other => bail!("unknown option `{other}`: there are --rounds N and --seed S"),
        }
    }
    if !setup::run()?.node {
        bail!("soak needs Node.js");
    }
    shell::run(shell::cargo().args(["build", "--locked", "-p", "headwater-cli", "-p", "headwater-e2e"]))?;
    let program = shell::target_dir()?.join("debug/headwater-soak");
    let mut soak = std::process::Command::new(program);
    soak.args(["--rounds", &rounds]);
    if let Some(seed) = seed {
        soak.args(["--seed", &seed]);
    }
    shell::run(&mut soak)?;
    Ok(ExitCode::SUCCESS)
}
