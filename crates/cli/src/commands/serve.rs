//! `headwater serve`.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use headwater::{BrokerUrl, Server};

use crate::{
    config::BrokerUrlParser,
    exit::BadConfig,
    settings::ServerSettings,
    signals::{self, Signals},
};

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    listen: SocketAddr,

    /// Where events live: memory:, embedded:PATH, redis://HOST, redis+sentinel://HOST/MASTER, nats://HOST, kafka://HOST,
    /// or http://HOST:PORT to stand before another Headwater. With a password better given as HEADWATER_BROKER, where
    /// other users of the machine do not see it
    #[arg(long, value_name = "URL", default_value = "embedded:./headwater-data", value_parser = BrokerUrlParser)]
    broker: BrokerUrl,

    #[command(flatten)]
    settings: ServerSettings,
}

impl Args {
    /// Refuses settings that cannot work.
    pub(crate) fn check(&self) -> Result<(), BadConfig> {
        self.settings.check()?;
        self.settings.check_over(&self.broker)?;
        self.settings.check_at(self.listen)?;
        self.settings.gateway().check().map_err(BadConfig)
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.check()?;
    let mut signals = Signals::listen()?;
    let gateway = args.settings.gateway();
    // Before the broker: a server that would admit nobody is not one.
    let authority = match args.settings.access.config() {
        Some(config) => Some(headwater::authority(config).await.map_err(BadConfig)?),
        None => None,
    };
    let broker = headwater::connect_with(&args.broker.with_credentials(), args.settings.connect())
        .await
        .with_context(|| format!("cannot open {}", args.broker))?;
    let server = headwater::serve_guarded(broker.clone(), args.listen, gateway, authority)
        .await
        .map_err(|e| BadConfig(format!("listen {}: {e}", args.listen)))?;
    eprintln!("headwater: listening on {} over {}", server.url(), args.broker);
    until_stopped(server, &mut signals).await?;
    broker.close().await.context("cannot close the broker")?;
    eprintln!("headwater: stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal comes, then stops in order; a second signal ends the process at once.
pub(crate) async fn until_stopped(mut server: Server, signals: &mut Signals) -> anyhow::Result<()> {
    tokio::select! {
        failed = server.wait() => return Ok(failed?),
        () = signals.next() => {}
    }
    eprintln!("headwater: stopping; once more to stop at once");
    tokio::select! {
        stopped = server.shutdown() => Ok(stopped?),
        () = signals.next() => signals::die(),
    }
}
