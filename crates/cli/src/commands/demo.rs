//! `headwater demo`.

use std::process::ExitCode;

use crate::demo;

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Serve on when the run is over, and print what to try
    #[arg(long)]
    pub(crate) keep: bool,

    /// How fast the agents work: 2 is twice as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,

    /// Print plain lines instead of a picture that changes
    #[arg(long)]
    pub(crate) plain: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    demo::run(demo::Options { keep: args.keep, speed: args.speed, plain: args.plain }).await
}

fn speed(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no speed: write a number from 0.1 to 10000");
    text.parse().ok().filter(|speed| (0.1..=10_000.0).contains(speed)).ok_or_else(wrong)
}
