//! `headwater groups` and `headwater group`.

use std::{io::Write as _, process::ExitCode, time::Duration};

use anyhow::Context as _;
use headwater::{Group, GroupInfo, GroupName};

use crate::{output::Out, pretty, remote::RemoteArgs};

/// Flags of `groups`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// The groups of all tenants instead of one's
    #[arg(long)]
    all_tenants: bool,

    /// Print JSON Lines
    #[arg(long)]
    json: bool,
}

/// Flags of `group`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its name
    #[arg(value_parser = name)]
    pub(crate) group: GroupName,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// The group of all tenants of that name
    #[arg(long)]
    all_tenants: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the name of a group from the command line.
pub(crate) fn name(text: &str) -> Result<GroupName, String> {
    text.parse().map_err(|e: headwater::NameError| e.to_string())
}

/// The group that a command means.
pub(crate) fn meant(name: &GroupName, remote: &RemoteArgs, all_tenants: bool) -> Group {
    Group { tenant: (!all_tenants).then(|| remote.tenant()), name: name.clone() }
}

pub(crate) async fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let tenant = args.remote.tenant();
    let groups = broker.groups((!args.all_tenants).then_some(&tenant)).await?;
    let mut out = Out::new();
    if args.json {
        for info in &groups {
            out.json(info)?;
        }
    } else if groups.is_empty() {
        eprintln!(
            "no groups {}",
            if args.all_tenants { "of all tenants".into() } else { format!("of tenant {tenant}") }
        );
    } else {
        writeln!(
            out,
            "{:<32} {:>7} {:>10} {:>10} {:>9} {:>8} {:>7} {:>6}",
            "GROUP", "WORKERS", "LAG", "BEHIND", "IN FLIGHT", "WAITING", "PARKED", "DEAD"
        )?;
        for info in &groups {
            row(&mut out, info)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn row(out: &mut Out, info: &GroupInfo) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<32} {:>7} {:>10} {:>10} {:>9} {:>8} {:>7} {:>6}",
        info.group,
        info.workers.len(),
        info.lag_events.map_or_else(|| "-".to_owned(), |lag| lag.to_string()),
        time(info.lag_ms),
        info.in_flight,
        info.waiting,
        info.parked,
        info.dead_letters,
    )
}

pub(crate) async fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let group = meant(&args.group, &args.remote, args.all_tenants);
    let info = broker.group(&group).await?.with_context(|| format!("there is no group {}", group.name))?;
    let mut out = Out::new();
    if args.json {
        out.json(&info)?;
    } else {
        let config = &info.config;
        let lag = info
            .lag_events
            .map_or_else(|| "not told by this store".to_owned(), |lag| format!("{lag} events"));
        writeln!(out, "{}", info.group)?;
        writeln!(out, "  lag             {lag}, {} behind", time(info.lag_ms))?;
        writeln!(out, "  oldest unacked  {}", time(info.oldest_unacked_ms))?;
        writeln!(out, "  in flight       {}", info.in_flight)?;
        writeln!(
            out,
            "  waiting         {} runs for a retry, {} for a dead letter",
            info.waiting, info.parked
        )?;
        writeln!(out, "  dead letters    {}", info.dead_letters)?;
        writeln!(
            out,
            "  lease           {}, {} attempts",
            pretty::length(config.lease),
            config.max_attempts
        )?;
        writeln!(out, "  workers         {}", info.workers.len())?;
        for worker in &info.workers {
            let lanes: Vec<_> = worker.lanes.iter().map(ToString::to_string).collect();
            writeln!(out, "    {:<32} lanes {}", worker.worker, lanes.join(" "))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A length of time, or that there is none.
fn time(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| pretty::length(Duration::from_millis(ms)))
}
