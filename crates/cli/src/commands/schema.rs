//! `headwater schema [TYPE]`.

use std::{io::Write as _, process::ExitCode};

use headwater::catalogue;

use crate::output::Out;

/// Flags of `schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A type such as workflow.started, with or without its version; without it the types are listed
    #[arg(value_name = "TYPE")]
    ty: Option<String>,

    /// List the types as JSON Lines
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = Out::new();
    match &args.ty {
        Some(ty) => {
            let Some(entry) = catalogue::lookup_name(ty) else {
                anyhow::bail!("no event type `{ty}` in the catalogue: `headwater schema` lists them");
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&entry.schema())?)?;
        }
        None => {
            for entry in catalogue::all() {
                if args.json {
                    out.json(&serde_json::json!({
                        "type": entry.ty, "class": entry.class.as_str(), "category": entry.category(),
                        "summary": entry.summary(),
                    }))?;
                } else {
                    writeln!(out, "{:<36} {:<10} {}", entry.ty, entry.class, entry.summary())?;
                }
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
