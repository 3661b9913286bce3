//! `headwater tail [STREAM]`.

use std::{io::Write as _, pin::pin, process::ExitCode, time::Duration};

use headwater::{Cursor, Filter, Item, Scope, Start, StreamName, Subscription};

use crate::{
    follow::{Follow, Step},
    output::{Out, stdout_has_colour},
    pretty::Lines,
    remote::{self, RemoteArgs},
};

/// How long a reader of an ended run waits before it looks whether the run was reopened.
const REOPENED: Duration = Duration::from_secs(2);

/// Flags of `tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run; without it the whole tenant, durable events only
    #[arg(value_parser = remote::stream)]
    stream: Option<StreamName>,

    #[command(flatten)]
    remote: RemoteArgs,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Where to begin: earliest, live, or a cursor [default: earliest for a run, live for the tenant]
    #[arg(long, value_name = "CURSOR", value_parser = start)]
    after: Option<Start>,

    /// Print the events as JSON Lines
    #[arg(long)]
    json: bool,

    /// Stop at the end of the run; for a tenant, when everything stored was printed
    #[arg(long)]
    until_end: bool,
}

/// Which events.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FilterArgs {
    /// Only these types, comma-separated: a category, a type, or `*` for one token
    #[arg(long, value_name = "TYPES", value_parser = types)]
    types: Option<String>,

    /// Only these subjects, comma-separated: a path or the beginning of one
    #[arg(long, value_name = "SUBJECTS", value_parser = subjects)]
    subject: Option<String>,
}

impl FilterArgs {
    /// The filter they make.
    pub(crate) fn filter(&self) -> anyhow::Result<Filter> {
        let filter = Filter::types(self.types.as_deref().unwrap_or(""))?;
        Ok(filter.and_subjects(self.subject.as_deref().unwrap_or(""))?)
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let tenant = args.remote.tenant();
    let (scope, usual) = match &args.stream {
        Some(stream) => (Scope::Stream(tenant, stream.clone()), Start::Earliest),
        None => (Scope::Tenant(tenant), Start::Live),
    };
    let is_run = args.stream.is_some();
    let wanted = Subscription::new(scope).filter(args.filter.filter()?).start(args.after.unwrap_or(usual));
    let broker = args.remote.connect().await?;
    let mut reader = Follow::open(broker, wanted).await?;
    let mut printer = Printer { out: Out::new(), lines: Lines::new(stdout_has_colour()), json: args.json };
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let step = tokio::select! {
            step = reader.next() => step?,
            _ = &mut interrupted => break,
        };
        match step {
            Step::Items(items) => {
                let mut done = false;
                for item in &items {
                    printer.item(item)?;
                    done |= args.until_end
                        && matches!((item, is_run), (Item::End(_), true) | (Item::CaughtUp(_), false));
                }
                printer.out.flush()?;
                if done {
                    break;
                }
            }
            Step::Ended if args.until_end => break,
            Step::Ended => reader.again_after(REOPENED).await,
        }
    }
    printer.finish(reader.cursor())?;
    Ok(ExitCode::SUCCESS)
}

struct Printer {
    out: Out,
    lines: Lines,
    json: bool,
}

impl Printer {
    fn item(&mut self, item: &Item) -> anyhow::Result<()> {
        match item {
            Item::Event(delivery) if self.json => self.out.line(delivery.event().json())?,
            Item::Event(delivery) => self.lines.event(&mut self.out, delivery.event())?,
            Item::Gap(gap) => {
                let stream = gap.stream.as_ref().map(|s| format!(" in {s}")).unwrap_or_default();
                self.note(&format!("gap{stream}: {} (from {} to {})", gap.reason, gap.from, gap.to))?;
            }
            Item::CaughtUp(_) => {}
            Item::End(_) => self.note("the run has ended")?,
        }
        Ok(())
    }

    /// Says something on stderr, behind what stands on stdout.
    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        self.lines.finish(&mut self.out)?;
        self.out.flush()?;
        eprintln!("headwater: {text}");
        Ok(())
    }

    fn finish(mut self, cursor: Option<Cursor>) -> anyhow::Result<()> {
        self.lines.finish(&mut self.out)?;
        self.out.flush()?;
        if let Some(cursor) = cursor {
            eprintln!("headwater: go on from here with --after {cursor}");
        }
        Ok(())
    }
}

fn types(text: &str) -> Result<String, String> {
    Filter::types(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

fn subjects(text: &str) -> Result<String, String> {
    Filter::all().and_subjects(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

/// Reads `earliest`, `live` or a cursor.
pub(crate) fn start(text: &str) -> Result<Start, String> {
    text.parse().map_err(|e: headwater::Error| e.to_string())
}
