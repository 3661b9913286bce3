//! `headwater mirror FROM TO`.

mod told;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use headwater::{
    BrokerUrl, ConnectOptions, Limits, Retention, StreamName, Tenant,
    mirror::{End, MirrorOptions, Target, mirror_with},
};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    exit::{self, BadConfig},
    remote,
    settings::RetentionSettings,
    signals::Signals,
    units,
};
use told::Told;

/// Flags of `mirror`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The broker to copy from: `embedded:PATH`, `http://…`, or a shared store
    #[arg(value_name = "FROM")]
    from: String,

    /// The broker to copy to; `redis://HOST?dialect=seed` writes plain streams, `XADD events:<type> * data <json>`
    #[arg(value_name = "TO")]
    to: String,

    /// The tenant whose streams are copied; `default` where none is named
    #[arg(long, value_name = "NAME", value_parser = remote::tenant)]
    tenant: Option<Tenant>,

    /// Only these streams, separated by commas; all of the tenant where none is named
    #[arg(long, value_name = "STREAMS", value_delimiter = ',', value_parser = remote::stream)]
    streams: Option<Vec<StreamName>>,

    /// Go on with what is published from now on, until stopped
    #[arg(long)]
    follow: bool,

    /// Copy internal events (checkpoints) too; not over HTTP
    #[arg(long)]
    internal: bool,

    /// Forget how far earlier mirrors came, and compare each stream with what TO has
    #[arg(long)]
    restart: bool,

    /// Under which name it is kept how far this mirror came; made from FROM and TO where none is given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// A file to keep it in, for mirrors between two servers over HTTP; else it is kept in TO, or in FROM
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// How many events are sent at once, at most
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,

    /// How many streams are copied side by side
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    side_by_side: u16,

    /// How long to try again while FROM or TO is away
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = units::duration)]
    retry_for: Duration,

    /// Bearer token for FROM; better given as HEADWATER_FROM_TOKEN
    #[arg(long, value_name = "TOKEN")]
    from_token: Option<String>,

    /// Bearer token for TO; better given as HEADWATER_TO_TOKEN
    #[arg(long, value_name = "TOKEN")]
    to_token: Option<String>,

    /// Print what became of each stream as JSON Lines: stream, stored, already, refused, gaps, target_reset
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    retention: RetentionSettings,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let options = args.options()?;
    // Nothing is removed at the source: how long it is kept there is not ours to say.
    let source = args.connect(&args.from_token, forever());
    let from = End::open_with(&args.from, source)
        .await
        .with_context(|| format!("cannot open {}", shown(&args.from)))?;
    let target = args.connect(&args.to_token, args.retention.retention());
    let to = Target::open_with(&args.to, target)
        .await
        .with_context(|| format!("cannot open {}", shown(&args.to)))?;
    let told = Arc::new(Told::new(args.json));
    let observer = {
        let told = Arc::clone(&told);
        move |happening: headwater::mirror::Happening<'_>| told.hear(&happening)
    };
    let done = tokio::select! {
        done = mirror_with(from.clone(), to.clone(), options, observer) => Some(done.map(drop)),
        failed = told.failed() => return Err(failed.into()),
        () = signals.next() => None,
    };
    // Whoever asked twice does not wait.
    tokio::select! {
        () = async { drop(tokio::join!(from.broker().close(), to.close())) } => {}
        () = signals.next() => crate::signals::die(),
    }
    let stopped = done.is_none() && !args.follow;
    told.finish(stopped);
    match done {
        Some(Err(error)) if error.is_config() => {
            Err(BadConfig(format!("{:#}", anyhow::Error::new(error))).into())
        }
        Some(Err(error)) => {
            Err(anyhow::Error::new(error).context("not everything was copied; the next mirror goes on"))
        }
        Some(Ok(())) | None if told.is_complete() && !stopped => Ok(ExitCode::SUCCESS),
        Some(Ok(())) | None => Ok(ExitCode::from(exit::FAILED)),
    }
}

impl Args {
    fn options(&self) -> anyhow::Result<MirrorOptions> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => format!(
                "{:016x}",
                xxh3_64(format!("{}\n{}", place(&self.from)?, place(&self.to)?).as_bytes())
            ),
        };
        Ok(MirrorOptions {
            tenant: self.tenant.clone().unwrap_or_default(),
            streams: self.streams.clone(),
            internal: self.internal,
            follow: self.follow,
            restart: self.restart,
            name,
            state_file: self.state.clone(),
            batch: self.batch.into(),
            side_by_side: self.side_by_side.into(),
            retry_for: self.retry_for,
        })
    }

    fn connect(&self, token: &Option<String>, retention: Retention) -> ConnectOptions {
        let mut options = ConnectOptions::default();
        options.http.token = token.clone();
        options.http.tenant = self.tenant.clone().unwrap_or_default();
        options.retention(retention)
    }
}

/// Nothing is removed.
fn forever() -> Retention {
    let limits = Limits { max_age: None, max_events: None, max_bytes: None };
    Retention { durable: limits, transient: limits, transient_after_end: None, run_after_end: None }
}

/// A URL as it may be shown: without credentials.
fn shown(url: &str) -> String {
    url.parse::<BrokerUrl>().map_or_else(|error| error.to_string(), |url| url.to_string())
}

/// A URL as the same place always has it.
fn place(url: &str) -> anyhow::Result<String> {
    Ok(match url.parse::<BrokerUrl>() {
        Ok(BrokerUrl::Embedded(path)) => format!("embedded:{}", std::path::absolute(path)?.display()),
        Ok(url) => url.to_string(),
        // Opening it tells what is wrong.
        Err(_) => url.to_owned(),
    })
}
