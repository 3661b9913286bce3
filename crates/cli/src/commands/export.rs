//! `headwater export STREAM`.

use std::{io::Write as _, process::ExitCode};

use headwater::{Filter, Scope, Start, StreamName};

use crate::{
    commands::tail,
    output::Out,
    remote::{self, RemoteArgs},
};

/// How many events are read at once.
const PAGE: usize = 1000;

/// Flags of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run
    #[arg(value_parser = remote::stream)]
    stream: StreamName,

    #[command(flatten)]
    remote: RemoteArgs,

    /// Go on behind a cursor, as an earlier export gave it
    #[arg(long, value_name = "CURSOR", value_parser = tail::start)]
    after: Option<Start>,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let tenant = &args.remote.tenant();
    if broker.stream(tenant, &args.stream).await?.is_none() {
        anyhow::bail!("tenant {tenant} has no stream {}", args.stream);
    }
    let scope = Scope::Stream(tenant.clone(), args.stream.clone());
    let mut out = Out::new();
    let mut start = args.after.clone().unwrap_or_default();
    let mut events = 0_u64;
    loop {
        let page = broker.read(&scope, &Filter::all(), start, PAGE).await?;
        for gap in &page.gaps {
            eprintln!("headwater: gap: {} (from {} to {})", gap.reason, gap.from, gap.to);
        }
        for delivery in &page.events {
            out.line(delivery.event().json())?;
        }
        events += page.events.len() as u64;
        start = Start::After(page.next);
        if !page.more {
            break;
        }
    }
    out.flush()?;
    eprintln!("headwater: {events} events; go on from here with --after {start}");
    Ok(ExitCode::SUCCESS)
}
