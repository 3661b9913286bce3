//! `headwater worker logs`.

use std::{path::PathBuf, process::ExitCode};

use headwater::worker::stock::{
    LOG_AGGREGATORS,
    logs::{AuditFile, AuditOptions, Logs},
};

use super::stage::{self, StageArgs};
use crate::{exit::BadConfig, signals::Signals, units};

/// Flags of `worker logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    stage: StageArgs,

    /// Write every event whole, one a line, to this file as well; it is on disk before the event is acked
    #[arg(long, value_name = "FILE")]
    audit_file: Option<PathBuf>,

    /// How large the audit file may become before it is put aside
    #[arg(long, value_name = "SIZE", default_value = "100MiB", value_parser = units::bytes)]
    audit_size: u64,

    /// How many older audit files are kept
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    audit_keep: u32,

    /// Do not wait for the disk: a crash of the machine may lose the last lines
    #[arg(long)]
    audit_no_sync: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let mut logs = Logs::new(std::io::stdout());
    if let Some(path) = &args.audit_file {
        let options = AuditOptions {
            path: path.clone(),
            max_bytes: args.audit_size,
            keep: args.audit_keep,
            sync: !args.audit_no_sync,
        };
        let file = AuditFile::open(options)
            .map_err(|error| BadConfig(format!("audit-file {}: {error}", path.display())))?;
        logs = logs.audit(file);
    }
    let broker = args.stage.connect().await?;
    let worker = args.stage.worker(broker.clone(), LOG_AGGREGATORS, logs)?;
    let done = stage::until_stopped(worker, signals).await;
    broker.close().await?;
    done
}
