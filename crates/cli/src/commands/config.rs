//! `headwater config check`.

use std::{io::Write as _, path::Path, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Subcommand};

use crate::{
    cli::Cli,
    commands::Command,
    config::{Env, Layers, shown},
    output::Out,
};

/// Flags of `config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Validate file and environment, and print every setting with where it comes from
    Check {
        /// Print JSON Lines
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: &Args, config: Option<&Path>, env: Env<'_>) -> anyhow::Result<ExitCode> {
    let What::Check { json } = args.what;
    let command = Cli::command();
    let layers = Layers::read(&command, config, env)?;
    // What a server would refuse is refused here, before one is started with it.
    let serve = layers.lay_under(command.clone()).try_get_matches_from(["headwater", "serve"])?;
    if let Command::Serve(args) = Cli::from_arg_matches(&serve)?.command {
        args.check()?;
    }
    let settings = layers.effective(&command);
    let mut out = Out::new();
    for (key, setting) in &settings {
        let value = setting.value.as_deref().map(|value| shown(key, value));
        if json {
            out.json(
                &serde_json::json!({ "key": key, "value": value, "origin": setting.origin.to_string() }),
            )?;
        } else {
            let value = value.as_deref().unwrap_or("-");
            writeln!(out, "{key:<30} {value:<32} {}", setting.origin)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
