//! `headwater config check`.

use std::{io::Write as _, path::Path, process::ExitCode};

use clap::{CommandFactory as _, Subcommand};

use crate::{
    cli::Cli,
    config::{Env, Layers},
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
    let settings = Layers::read(&command, config, env)?.effective(&command);
    let mut out = Out::new();
    for (key, setting) in &settings {
        let value = match (&setting.value, key.as_str()) {
            (Some(_), "token") => Some("***"),
            (value, _) => value.as_deref(),
        };
        if json {
            out.json(
                &serde_json::json!({ "key": key, "value": value, "origin": setting.origin.to_string() }),
            )?;
        } else {
            writeln!(out, "{key:<30} {:<32} {}", value.unwrap_or("-"), setting.origin)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
