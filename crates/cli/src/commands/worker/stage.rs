//! What every stock worker needs: a broker, a group, and to be stopped.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use headwater::{
    BrokerUrl, ConnectOptions, EventBroker, Group, GroupConfig, GroupName, Handler, Start, Tenant, Worker,
    WorkerName,
};

use crate::{
    commands::groups,
    config::BrokerUrlParser,
    remote,
    signals::{self, Signals},
    units,
};

/// The broker that is worked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BrokerArgs {
    /// The broker to work for: http://HOST:PORT for a running Headwater (and the embedded log behind it), or a shared
    /// store: redis://HOST, nats://HOST, kafka://HOST
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7420", value_parser = BrokerUrlParser)]
    broker: BrokerUrl,

    /// Bearer token; better given as HEADWATER_TOKEN, where other users of the machine do not see it
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

/// Flags of every stock worker.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StageArgs {
    #[command(flatten)]
    broker: BrokerArgs,

    /// Only the events of this tenant; those of all where none is named
    #[arg(long, value_name = "NAME", value_parser = remote::tenant)]
    tenant: Option<Tenant>,

    /// The group; several processes of one group share its events
    #[arg(long, value_name = "NAME", value_parser = groups::name)]
    group: Option<GroupName>,

    /// What this process is called in its group; a name that no other has where none is given
    #[arg(long, value_name = "NAME", value_parser = groups::name)]
    name: Option<WorkerName>,

    /// Where a new group begins: `earliest` or `live`
    #[arg(long, value_name = "WHERE", default_value = "earliest")]
    start: Begin,

    /// How long a new group's workers may be silent before others take over
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = units::duration)]
    lease: Duration,

    /// How many events are handled at once
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    concurrency: u16,

    /// How long running handlers may go on after a signal
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = units::duration)]
    drain_timeout: Duration,
}

/// Where a new group begins.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Begin {
    /// At the oldest event that is kept.
    Earliest,
    /// At what is published from now on.
    Live,
}

impl BrokerArgs {
    /// Connects to the broker.
    pub(crate) async fn connect(&self) -> anyhow::Result<Arc<dyn EventBroker>> {
        self.connect_as(Tenant::default()).await
    }

    async fn connect_as(&self, tenant: Tenant) -> anyhow::Result<Arc<dyn EventBroker>> {
        let mut options = ConnectOptions::default();
        options.http.token = self.token.clone();
        options.http.tenant = tenant;
        headwater::connect_with(&self.broker.with_credentials(), options).await.with_context(|| {
            match &self.broker {
                BrokerUrl::Embedded(_) => {
                    format!(
                        "cannot open {}: where a server has it open, attach to that with --broker http://…",
                        self.broker
                    )
                }
                broker => format!("cannot open {broker}"),
            }
        })
    }
}

impl StageArgs {
    /// Connects to the broker.
    pub(crate) async fn connect(&self) -> anyhow::Result<Arc<dyn EventBroker>> {
        self.broker.connect_as(self.tenant.clone().unwrap_or_default()).await
    }

    /// The group that is called so unless the flags name another.
    pub(crate) fn group(&self, name: &str) -> anyhow::Result<Group> {
        let name = match &self.group {
            Some(name) => name.clone(),
            None => name.parse()?,
        };
        Ok(Group { tenant: self.tenant.clone(), name })
    }

    /// What a new group is like.
    pub(crate) fn config(&self) -> GroupConfig {
        GroupConfig { lease: self.lease, ..GroupConfig::default() }
    }

    /// The worker of a group that is called so unless the flags name another.
    pub(crate) fn worker(
        &self,
        broker: Arc<dyn EventBroker>,
        group: &str,
        handler: impl Handler,
    ) -> anyhow::Result<Worker> {
        let start = match self.start {
            Begin::Earliest => Start::Earliest,
            Begin::Live => Start::Live,
        };
        let mut builder = Worker::builder(broker, self.group(group)?)
            .create(start, self.config())
            .concurrency(self.concurrency.into())
            .drain_timeout(self.drain_timeout);
        if let Some(name) = &self.name {
            builder = builder.name(name.clone());
        }
        Ok(builder.build(handler)?)
    }
}

/// Runs a worker until a signal comes, then drains it; a second signal ends the process at once.
pub(crate) async fn until_stopped(worker: Worker, mut signals: Signals) -> anyhow::Result<ExitCode> {
    eprintln!("headwater: working for group {}", worker.group());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut running = tokio::spawn(worker.run(async { drop(stopped.await) }));
    let report = tokio::select! {
        ended = &mut running => ended,
        () = signals.next() => {
            eprintln!("headwater: stopping; once more to stop at once");
            drop(stop);
            tokio::select! {
                ended = running => ended,
                () = signals.next() => signals::die(),
            }
        }
    };
    let report = report.context("the worker broke down")??;
    eprintln!(
        "headwater: stopped; {} handled, {} failed, {} handed back",
        report.succeeded,
        report.failed,
        report.released + report.cut_off + report.unsettled
    );
    Ok(ExitCode::SUCCESS)
}
