//! `headwater worker metrics`.

use std::{net::SocketAddr, process::ExitCode};

use headwater::{
    Monitor,
    worker::{
        Phase, metric_definitions,
        stock::{
            METRICS_COLLECTORS,
            metrics::{self, Metrics},
        },
    },
};
use tokio::net::TcpListener;

use super::stage::{self, StageArgs};
use crate::{exit::BadConfig, signals::Signals};

/// Flags of `worker metrics`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    stage: StageArgs,

    /// Where Prometheus finds /metrics; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7421")]
    metrics_listen: SocketAddr,

    /// How many tenants have a label of their own; the others share one
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    max_tenants: usize,

    /// How many event types have a label of their own; the others share one
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    max_types: usize,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let unusable = |error| BadConfig(format!("metrics-listen {}: {error}", args.metrics_listen));
    let listener = TcpListener::bind(args.metrics_listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let (said, heard) = tokio::sync::watch::channel(Some("starting".to_owned()));
    // Before anything is counted.
    let monitor = Monitor::new(move || heard.borrow().clone().map_or(Ok(()), Err));
    metrics::describe();
    metric_definitions::describe();
    let broker = args.stage.connect().await?;
    let handler = Metrics::new(broker.clone()).limits(args.max_tenants, args.max_types);
    let worker = args.stage.worker(broker.clone(), METRICS_COLLECTORS, handler)?;
    let mut status = worker.status();
    tokio::spawn(async move {
        loop {
            let now = status.borrow_and_update().clone();
            let why =
                (now.phase != Phase::Working).then(|| now.error.unwrap_or_else(|| "not working".to_owned()));
            said.send_replace(why);
            if status.changed().await.is_err() {
                return;
            }
        }
    });
    eprintln!("headwater: metrics on http://{address}/metrics");
    let serving = monitor.serve(listener, std::future::pending());
    let done = tokio::select! {
        done = stage::until_stopped(worker, signals) => done,
        served = serving => served.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    };
    broker.close().await?;
    done
}
