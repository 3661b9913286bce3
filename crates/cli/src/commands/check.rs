//! `headwater check`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use headwater::BrokerUrl;
use headwater_embedded::Report;

use crate::{
    config::BrokerUrlParser,
    exit::{self, BadConfig},
    output::Out,
};

/// Flags of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log to verify; nothing may have it open
    #[arg(long, value_name = "URL", default_value = "embedded:./headwater-data", value_parser = BrokerUrlParser)]
    broker: BrokerUrl,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let BrokerUrl::Embedded(path) = args.broker.clone() else {
        return Err(BadConfig(format!("check verifies an embedded log, not {}", args.broker)).into());
    };
    let report = tokio::task::spawn_blocking(move || headwater_embedded::verify(path))
        .await?
        .with_context(|| format!("cannot check {}", args.broker))?;
    let mut out = Out::new();
    if args.json {
        out.json(&report)?;
    } else {
        print(&mut out, &args.broker, &report)?;
    }
    out.flush()?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn print(out: &mut Out, broker: &BrokerUrl, report: &Report) -> io::Result<()> {
    writeln!(out, "{broker}")?;
    let events = report.durable + report.transient + report.internal;
    let classes =
        format!("{} durable, {} transient, {} internal", report.durable, report.transient, report.internal);
    writeln!(out, "  events      {events} ({classes}), {} bytes", report.bytes)?;
    writeln!(out, "  runs        {}", report.runs)?;
    writeln!(out, "  references  {}", report.references)?;
    writeln!(out, "  commits     {}, the last position is {}", report.commits, report.last)?;
    writeln!(out, "  state       {} values", report.state_values)?;
    for (after, to) in &report.lost {
        writeln!(out, "  lost        after {after} up to {to}: readers that cross it get a gap")?;
    }
    if report.is_sound() {
        return writeln!(out, "sound: every checksum, position and reference fits");
    }
    for damage in &report.damage {
        writeln!(out, "  damage      {damage}")?;
    }
    let told = report.damage.len() as u64;
    if report.damaged > told {
        writeln!(out, "  damage      and {} more", report.damaged - told)?;
    }
    writeln!(out, "damaged in {} places", report.damaged)
}
