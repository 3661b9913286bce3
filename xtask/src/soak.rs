//! `cargo xtask soak`: the end-to-end story again and again, with the server killed in every round, and the clauses of
//! the suites that do harm to brokers, with long pauses and more load.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// Builds the server and hands over to the end-to-end program, which prints its seed; then come the fault clauses.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut rounds = "200".to_owned();
    let mut seed = None;
    let mut faults = 1;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let value = rest.next().with_context(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--rounds" => rounds.clone_from(value),
            "--seed" => seed = Some(value.clone()),
            "--faults" => faults = value.parse().context("--faults takes a number of rounds")?,
            other => bail!("unknown option `{other}`: there are --rounds N, --seed S and --faults N"),
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
    for round in 1..=faults {
        eprintln!("\n== faults, round {round} of {faults}");
        shell::run(&mut fault_clauses())?;
        shell::run(&mut postgres())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The clauses of both suites that do harm, on every store, one after the other: what they measure is whether anything
/// is lost, and a busy machine would only make them longer.
fn fault_clauses() -> std::process::Command {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--locked", "--no-fail-fast"]);
    for package in STORES {
        cargo.args(["-p", package]);
    }
    cargo.args([
        "--test",
        "it",
        "--test",
        "suite",
        "--test",
        "broker",
        "--",
        "faults::",
        "--test-threads",
        "1",
    ]);
    cargo.env("HEADWATER_SOAK", "1");
    cargo
}

/// Relays and handlers on PostgreSQL that are killed, hundreds of times, and a PostgreSQL that goes and comes.
fn postgres() -> std::process::Command {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--locked", "--no-fail-fast", "-p", "headwater-postgres", "--test", "it", "--"]);
    cargo.args(["kill::", "faults::", "database::", "--test-threads", "1", "--nocapture"]);
    cargo.env("HEADWATER_SOAK", "1");
    cargo
}

/// The stores with a server behind them, and the embedded one, which crashes.
const STORES: [&str; 4] = ["headwater-embedded", "headwater-redis", "headwater-nats", "headwater-kafka"];
