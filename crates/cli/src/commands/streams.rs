//! `headwater streams`.

use std::{io::Write as _, process::ExitCode};

use headwater::StreamInfo;

use crate::{
    output::{Out, Paint, stdout_has_colour},
    pretty,
    remote::RemoteArgs,
};

/// How many runs one call asks for.
const PAGE: usize = 500;

/// Flags of `streams`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// Print JSON Lines
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let tenant = args.remote.tenant();
    let mut out = Out::new();
    let mut after = None;
    let mut first = true;
    loop {
        let page = broker.streams(&tenant, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.stream.clone());
        for info in &page {
            if args.json {
                out.json(info)?;
                continue;
            }
            if std::mem::take(&mut first) {
                writeln!(
                    out,
                    "{:<40} {:<10} {:>9} {:>9}  {:<24} LENGTH",
                    "STREAM", "STATE", "EVENTS", "DELTAS", "STARTED"
                )?;
            }
            row(&mut out, info)?;
        }
        if page.len() < PAGE {
            break;
        }
    }
    if first && !args.json && after.is_none() {
        eprintln!("no runs of tenant {tenant}");
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn row(out: &mut Out, info: &StreamInfo) -> std::io::Result<()> {
    let paint = Paint(stdout_has_colour());
    let state = format!("{:<10}", pretty::state_name(info.state));
    let length = info.last_at.duration_since(info.first_at);
    writeln!(
        out,
        "{:<40} {} {:>9} {:>9}  {:<24} {}",
        info.stream,
        paint.sgr(pretty::state_colour(info.state), state),
        info.durable_events,
        info.transient_events,
        format!("{:.3}", info.first_at),
        pretty::length(length.unsigned_abs()),
    )
}
