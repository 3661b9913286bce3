//! `headwater dead-letters`.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use headwater::{
    DeadLetter, DeadLetterFilter, EventBroker, Filter, Group, GroupName, Position, StreamName,
    wire::LetterBody,
};

use super::groups;
use crate::{
    output::{Out, printable},
    remote::{self, RemoteArgs},
};

/// How many are asked for at once.
const PAGE: usize = 500;

/// Flags of `dead-letters`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The group that gave them up
    #[arg(value_parser = groups::name)]
    group: GroupName,

    /// What to do with them; without it they are listed
    action: Option<Action>,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// Only these, by the position that the list shows
    #[arg(long = "position", value_name = "N")]
    positions: Vec<u64>,

    /// Only those of a run
    #[arg(long, value_name = "NAME", value_parser = remote::stream)]
    stream: Option<StreamName>,

    /// Only those of these types or prefixes, comma-separated
    #[arg(long, value_name = "LIST")]
    types: Option<String>,

    /// Only those whose reason begins so, such as the code handler-panicked
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// The group of all tenants of that name
    #[arg(long)]
    all_tenants: bool,

    /// Print JSON Lines
    #[arg(long)]
    json: bool,
}

/// What to do with dead letters.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Action {
    /// Give them another life, with all their attempts.
    Replay,
    /// Give them up for good.
    Discard,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let broker = args.remote.connect().await?;
    let group = groups::meant(&args.group, &args.remote, args.all_tenants);
    let types = args.types.as_deref().map_or_else(|| Ok(Filter::all()), Filter::types);
    let filter = DeadLetterFilter {
        positions: args.positions.iter().copied().map(Position).collect(),
        stream: args.stream.clone(),
        types: types.context("--types")?,
        reason: args.reason.clone(),
    };
    let mut out = Out::new();
    match args.action {
        None => list(&*broker, &group, &filter, args.json, &mut out).await?,
        Some(action) => {
            let (count, done) = match action {
                Action::Replay => (broker.replay(&group, &filter).await?, "replayed"),
                Action::Discard => (broker.discard(&group, &filter).await?, "discarded"),
            };
            if args.json {
                out.json(&serde_json::json!({ done: count }))?;
            } else {
                writeln!(out, "{done} {count}")?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

async fn list(
    broker: &dyn EventBroker,
    group: &Group,
    filter: &DeadLetterFilter,
    json: bool,
    out: &mut Out,
) -> anyhow::Result<()> {
    let (mut after, mut first) = (Position::ZERO, true);
    loop {
        let letters = broker.dead_letters(group, filter, after, PAGE).await?;
        let Some(last) = letters.last() else { break };
        after = last.position;
        for letter in &letters {
            if json {
                out.json(&LetterBody::new(letter).context("a dead letter is no JSON")?)?;
                continue;
            }
            if std::mem::take(&mut first) {
                writeln!(
                    out,
                    "{:>12} {:<28} {:<28} {:>8} {:<24} REASON",
                    "POSITION", "STREAM", "TYPE", "ATTEMPTS", "GIVEN UP"
                )?;
            }
            row(out, letter)?;
        }
        if letters.len() < PAGE {
            break;
        }
    }
    if first && !json {
        eprintln!("no dead letters");
    }
    Ok(())
}

fn row(out: &mut Out, letter: &DeadLetter) -> std::io::Result<()> {
    writeln!(
        out,
        "{:>12} {:<28} {:<28} {:>8} {:<24} {}",
        letter.position,
        letter.event.stream(),
        letter.event.ty(),
        letter.attempts,
        format!("{:.3}", letter.failed_at.1),
        printable(&letter.reason).replace('\n', " "),
    )
}
