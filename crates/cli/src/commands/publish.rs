//! `headwater publish [FILE|-]`.

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use crate::{
    exit,
    feed::{Batches, Progress, Sender, Tally},
    output::Out,
    remote::RemoteArgs,
    units,
};

/// Flags of `publish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// JSON Lines, or one CloudEvent; `-` is stdin
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    remote: RemoteArgs,

    #[command(flatten)]
    pub(crate) send: SendArgs,

    /// Print what became of each event as JSON Lines: line, id, cursor, duplicate; or line, code, detail
    #[arg(long)]
    json: bool,
}

/// How events are sent.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SendArgs {
    /// How many events one request has at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) batch: u16,

    /// How long to try again while the server is away
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = units::duration)]
    pub(crate) retry_for: Duration,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut input = Batches::open(&args.file, args.send.batch, args.remote.tenant.clone())?;
    let broker = args.remote.connect().await?;
    let sender = Sender::new(broker, args.send.retry_for);
    let progress = Progress::new(input.bytes());
    let mut out = Out::new();
    let mut tally = Tally::default();
    while let Some(batch) = input.next().await? {
        let sent = sender.send(&batch).await;
        for outcome in &sent.outcomes {
            tally.count(&outcome.fate);
            if args.json {
                out.json(&outcome.report())?;
            } else if let Some(refusal) = outcome.refusal() {
                progress.say(&refusal);
            }
        }
        out.flush()?;
        progress.advance(batch.bytes, &tally);
        if let Err(error) = sent.go_on() {
            progress.finish(&tally);
            return Err(error);
        }
    }
    progress.finish(&tally);
    Ok(if tally.refused > 0 { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}
