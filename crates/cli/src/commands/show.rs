//! `headwater show STREAM`.

use std::{io::Write as _, process::ExitCode};

use headwater::{Filter, Scope, Start, StreamInfo, StreamName};
use serde_json::json;

use crate::{
    outline::{Look, Outline},
    output::{self, Out, Paint, stdout_has_colour},
    pretty,
    remote::{self, RemoteArgs},
};

/// How many events are read at once.
const PAGE: usize = 1000;

/// Flags of `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run
    #[arg(value_parser = remote::stream)]
    stream: StreamName,

    #[command(flatten)]
    remote: RemoteArgs,

    /// Print the state and the parts as JSON Lines
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let tenant = &args.remote.tenant();
    let Some(info) = broker.stream(tenant, &args.stream).await? else {
        anyhow::bail!("tenant {tenant} has no stream {}", args.stream);
    };
    let scope = Scope::Stream(tenant.clone(), args.stream.clone());
    let mut outline = Outline::default();
    let mut start = Start::Earliest;
    loop {
        let page = broker.read(&scope, &Filter::all(), start, PAGE).await?;
        page.events.iter().for_each(|delivery| outline.apply(delivery.event()));
        if !page.more {
            break;
        }
        start = Start::After(page.next);
    }
    let mut out = Out::new();
    if args.json {
        out.json(&info)?;
        for part in outline.parts() {
            out.json(&json!({
                "subject": part.subject, "kind": part.kind.as_str(), "name": part.name, "state": part.state.as_str(),
                "events": part.events, "opened": part.opened().map(|t| format!("{t:.3}")),
                "duration_ms": part.length(None).map(|d| d.as_millis() as u64),
            }))?;
        }
    } else {
        head(&mut out, &info)?;
        let width = output::width().unwrap_or(100);
        let look = Look { width: width.clamp(40, 120), rows: usize::MAX, now: None, frame: 0 };
        let paint = Paint(stdout_has_colour());
        for line in outline.draw(look) {
            writeln!(out, "{}", line.render(paint))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn head(out: &mut Out, info: &StreamInfo) -> std::io::Result<()> {
    let paint = Paint(stdout_has_colour());
    let state = paint.sgr(pretty::state_colour(info.state), pretty::state_name(info.state));
    let until = info.ended_at.unwrap_or(info.last_at);
    let took = pretty::length(until.duration_since(info.first_at).unsigned_abs());
    writeln!(out, "{}  {state}", info.stream)?;
    writeln!(
        out,
        "{} durable events, {} deltas, from {:.3} to {:.3} ({took})\n",
        info.durable_events, info.transient_events, info.first_at, until
    )
}
