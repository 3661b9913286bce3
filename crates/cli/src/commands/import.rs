//! `headwater import FILE`.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    commands::publish::SendArgs,
    exit,
    feed::{Batches, Known, Progress, Sender, Tally},
    remote::RemoteArgs,
};

/// Flags of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `headwater export` wrote; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    remote: RemoteArgs,

    #[command(flatten)]
    send: SendArgs,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut input = Batches::open(&args.file, args.send.batch, args.remote.tenant.clone())?;
    let broker = args.remote.connect().await?;
    let mut known = Known::new(broker.clone());
    let sender = Sender::new(broker, args.send.retry_for);
    let progress = Progress::new(input.bytes());
    let mut tally = Tally::default();
    while let Some(mut batch) = input.next().await? {
        tally.duplicates += known.sift(&mut batch).await?;
        let sent = sender.send(&batch).await;
        for outcome in &sent.outcomes {
            tally.count(&outcome.fate);
            if let Some(refusal) = outcome.refusal() {
                progress.say(&refusal);
            }
        }
        progress.advance(batch.bytes, &tally);
        if let Err(error) = sent.go_on() {
            progress.finish(&tally);
            return Err(error);
        }
    }
    progress.finish(&tally);
    Ok(if tally.refused > 0 { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}
