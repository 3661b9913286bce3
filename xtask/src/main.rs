//! `cargo xtask`: the one tool that sets up, tests, checks and measures this repository.

mod bench;
mod fuzz;
mod matrix;
mod picture;
mod setup;
mod shell;
mod soak;
mod tally;
mod test;
mod tidy;
mod tool;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <command>

  test            everything a change must pass; needs nothing but Rust beforehand
  tidy            layering, file sizes, documents, licences, links
  bench [NAME..]  side-by-side benchmarks, one table of ratios (release build)
  soak            kill rounds without end in sight: --rounds N (default 200), --seed S; then the suites' fault
                  clauses with long pauses: --faults N rounds (default 1)
  fuzz [TARGET..] the fuzz targets, each for a while: --seconds N (default 60)
  matrix          docs/brokers.md against the suites' last run
  picture         docs/demo.svg from a real run of the demo (needs tmux)
  setup           installs what `test` needs and says what it did
  ci              `test` with CI=true: a skipped test is a failure
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        eprint!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    if rest.iter().any(|a| a == "--help" || a == "-h") {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    match command.as_str() {
        "test" => test::run(std::env::var("CI").is_ok_and(|ci| ci == "true")),
        "ci" => test::run(true),
        "tidy" => tidy::run(),
        "bench" => bench::run(rest),
        "picture" => picture::run(),
        "matrix" => matrix::run(),
        "fuzz" => fuzz::run(rest),
        "soak" => soak::run(rest),
        "setup" => setup::run().map(|_| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command `{other}`\n\n{USAGE}"),
    }
}
