//! `headwater demo`.

use std::process::ExitCode;

use headwater::chat::{Endpoint, ModelError};

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

    /// Let a real model answer: OPENAI_BASE_URL says where it is, OPENAI_API_KEY is the key
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let model = args.model.map(endpoint).transpose()?;
    demo::run(demo::Options { keep: args.keep, speed: args.speed, plain: args.plain, model }).await
}

fn endpoint(model: String) -> Result<Endpoint, ModelError> {
    let base = std::env::var("OPENAI_BASE_URL").unwrap_or_else(|_| "https://api.openai.com/v1".to_owned());
    Endpoint::new(&base, std::env::var("OPENAI_API_KEY").ok(), model)
}

fn speed(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no speed: write a number from 0.1 to 10000");
    text.parse().ok().filter(|speed| (0.1..=10_000.0).contains(speed)).ok_or_else(wrong)
}
