//! `cargo xtask fuzz`: the fuzz targets, each for a while.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};

use crate::{shell, tool};

const CARGO_FUZZ_VERSION: &str = "0.13.1";

/// Runs the named targets, or all of them, each for as long; `--seconds N` says how long.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let known = targets()?;
    let mut seconds = "60".to_owned();
    let mut chosen = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            args.next().context("--seconds needs a number")?.clone_into(&mut seconds);
        } else {
            ensure!(known.contains(arg), "unknown target `{arg}`: there are {}", known.join(", "));
            chosen.push(arg.clone());
        }
    }
    let cargo_fuzz = tool::installed("cargo-fuzz", CARGO_FUZZ_VERSION, "cargo-fuzz")?;
    let target_dir = shell::target_dir()?.join("fuzz-run");
    for target in if chosen.is_empty() { known } else { chosen } {
        eprintln!("\n== {target}, {seconds} s");
        // What it finds on the way is kept in the first folder, what it starts from is in the second.
        let (found, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        fs::create_dir_all(shell::root().join(&found))?;
        let mut fuzz = Command::new(&cargo_fuzz);
        fuzz.current_dir(shell::root()).args(["run", "--fuzz-dir", "fuzz", "--target-dir"]).arg(&target_dir);
        fuzz.args([&target, &found]);
        if shell::root().join(&seeds).is_dir() {
            fuzz.arg(&seeds);
        }
        fuzz.args(["--", "-max_len=4096", &format!("-max_total_time={seconds}")]);
        // libFuzzer's instrumentation is unstable: with this the toolchain at hand has it too.
        shell::run(fuzz.env("RUSTC_BOOTSTRAP", "1"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Their names.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(shell::root().join("fuzz/fuzz_targets"))? {
        names.extend(file?.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
