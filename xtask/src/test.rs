//! `cargo xtask test`: everything a change must pass.

use std::{path::Path, process::ExitCode};

use anyhow::Result;

use crate::{
    matrix,
    setup::{self, Ready},
    shell,
    tally::Tally,
    tidy,
};

/// Runs every check, goes on after a failure, and ends with one line: `N passed, N failed, N skipped`.
pub(crate) fn run(strict: bool) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let ready = setup::run()?;

    step("format", &mut tally, || shell::run(shell::cargo().args(["fmt", "--all", "--check"])));
    step("tidy", &mut tally, || {
        let found = tidy::check()?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    step("clippy", &mut tally, || {
        let mut cargo = shell::cargo();
        cargo.args(["clippy", "--workspace", "--all-targets", "--locked"]).args(features(ready));
        shell::run(cargo.args(["--", "-D", "warnings"]))
    });
    step("fuzz targets", &mut tally, fuzz);
    let reports = matrix::folder()?;
    tests(&mut tally, ready, &reports)?;
    step("docs/brokers.md", &mut tally, || matrix::check(&reports));

    let good = tally.good(strict);
    if strict && tally.skipped > 0 {
        eprintln!("\nwith CI=true a skipped test is a failure");
    }
    println!("{tally}");
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The whole workspace in one build and one run: unit, integration, end-to-end and documentation tests.
///
/// One call, because each other selection of packages would compile the dependencies again with other features.
fn tests(tally: &mut Tally, ready: Ready, reports: &Path) -> Result<()> {
    eprintln!("\n== tests");
    let mut cargo = shell::cargo();
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(features(ready));
    cargo.env("HEADWATER_SUITE_REPORT", reports);
    if std::env::var_os(THREADS).is_none() {
        cargo.env(THREADS, TEST_THREADS);
    }
    if !ready.node {
        cargo.args(["--", "--skip", "real_clients"]);
    }
    let mut run = Tally::default();
    let good = shell::stream(&mut cargo, |line| run.see(line))?;
    // A test program that does not compile, or dies, has no result line.
    if !good && run.failed == 0 {
        run.fail();
    }
    tally.passed += run.passed;
    tally.failed += run.failed;
    tally.skipped += run.skipped;
    Ok(())
}

/// How many tests run at once where nobody said: most wait for servers, leases and clocks, and not for a core.
const TEST_THREADS: &str = "6";
/// The test runner's own name for it.
const THREADS: &str = "RUST_TEST_THREADS";

/// The binary under test has every broker that can be compiled here, also what it has not by default.
fn features(ready: Ready) -> &'static [&'static str] {
    if ready.kafka { &["--features", "headwater-cli/kafka"] } else { &[] }
}

/// Compiles the fuzz targets, which are a workspace of their own: running them takes a nightly toolchain, checking does
/// not. They share no artifact with the rest, so they have a folder of their own that nothing else invalidates, and no
/// lock: cargo-fuzz keeps none.
fn fuzz() -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]);
    shell::run(cargo.arg(shell::target_dir()?.join("fuzz")))
}

fn step(name: &str, tally: &mut Tally, what: impl FnOnce() -> Result<()>) {
    eprintln!("\n== {name}");
    if let Err(error) = what() {
        eprintln!("{name}: {error:#}");
        tally.fail();
    }
}
