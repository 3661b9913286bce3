//! `headwater keys`: the API keys of a server.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use headwater::{Clock as _, Grant, Key, KeyFile, Right, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{exit::BadUsage, output::Out, units};

/// Flags of `keys`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and print it: it cannot be shown again
    Create(CreateArgs),
    /// List the keys and what they allow
    List {
        #[command(flatten)]
        file: FileArgs,
    },
    /// Give a key a new secret and print it; the old one is good for a while longer
    Rotate {
        /// Its id, as `list` shows it
        id: String,

        #[command(flatten)]
        file: FileArgs,

        /// How long the old secret is good
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = units::duration)]
        grace: Duration,
    },
    /// Remove a key: it means nothing from the next look of the server at its file
    Revoke {
        /// Its id, as `list` shows it
        id: String,

        #[command(flatten)]
        file: FileArgs,
    },
}

// Which file, and how to answer.
#[derive(Debug, Clone, clap::Args)]
struct FileArgs {
    /// File of API keys; `create` makes it where there is none
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Print JSON Lines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What it is for, in your words
    name: String,

    #[command(flatten)]
    file: FileArgs,

    /// In which tenants, separated by commas: names, or prefixes that end in `*`
    #[arg(long, value_name = "LIST", default_value = "default", value_delimiter = ',')]
    tenants: Vec<String>,

    /// What it may do, separated by commas: publish, subscribe, consume, admin
    #[arg(long, value_name = "LIST", default_value = "subscribe", value_delimiter = ',')]
    scopes: Vec<Right>,

    /// In which streams, separated by commas: names, or prefixes that end in `*` [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    streams: Vec<String>,

    /// Which types it may publish, separated by commas, as `--types` of `tail` [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    publish_types: Vec<String>,

    /// Which types it sees, separated by commas [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    read_types: Vec<String>,

    /// How long it is good [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    expires_in: Option<Duration>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let mut out = Out::new();
    match args.what {
        What::Create(args) => create(&mut out, args, now)?,
        What::List { file } => list(&mut out, &file, now)?,
        What::Rotate { id, file, grace } => {
            let grace = SignedDuration::try_from(grace)?;
            let token = KeyFile::edit(file.path()?, |keys| keys.rotate(&id, now, grace))?;
            told(&mut out, &file, &id, &token)?;
        }
        What::Revoke { id, file } => {
            let key = KeyFile::edit(file.path()?, |keys| keys.revoke(&id))?;
            eprintln!("headwater: key {id} ({}) is revoked", key.name);
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn create(out: &mut Out, args: CreateArgs, now: Timestamp) -> anyhow::Result<()> {
    let grant = Grant {
        tenants: args.tenants,
        scopes: args.scopes,
        streams: args.streams,
        publish_types: args.publish_types,
        read_types: args.read_types,
    };
    grant.check().map_err(BadUsage)?;
    let expires = args.expires_in.map(|after| now.checked_add(after)).transpose()?;
    let made = KeyFile::edit(args.file.path()?, |keys| keys.create(&args.name, grant, now, expires));
    let (id, token) = made?;
    told(out, &args.file, &id, &token)
}

/// The token is data and goes to stdout, alone, so that it can be piped; what is said of it does not.
fn told(out: &mut Out, file: &FileArgs, id: &str, token: &str) -> anyhow::Result<()> {
    if file.json {
        out.json(&json!({ "id": id, "token": token }))?;
    } else {
        out.line(token.as_bytes())?;
        eprintln!("headwater: key {id}: keep what was printed, it cannot be shown again");
    }
    Ok(())
}

fn list(out: &mut Out, file: &FileArgs, now: Timestamp) -> anyhow::Result<()> {
    let keys = KeyFile::read(file.path()?)?;
    if file.json {
        for Key { id, name, grant, created, expires, .. } in keys.keys() {
            let key =
                json!({ "id": id, "name": name, "grant": grant, "created": created, "expires": expires });
            out.json(&key)?;
        }
        return Ok(());
    }
    writeln!(out, "{:<14} {:<20} {:<16} {:<28} EXPIRES", "ID", "NAME", "TENANTS", "SCOPES")?;
    for key in keys.keys() {
        let expires = match key.expires {
            Some(at) if at <= now => format!("{at:.0} (expired)"),
            Some(at) => format!("{at:.0}"),
            None => "never".to_owned(),
        };
        let scopes: Vec<&str> = key.grant.scopes.iter().map(|right| right.as_str()).collect();
        let (tenants, scopes) = (key.grant.tenants.join(","), scopes.join(","));
        writeln!(out, "{:<14} {:<20} {tenants:<16} {scopes:<28} {expires}", key.id, key.name)?;
        for (what, list) in [
            ("streams", &key.grant.streams),
            ("publishes", &key.grant.publish_types),
            ("sees", &key.grant.read_types),
        ] {
            if !list.is_empty() {
                writeln!(out, "{:<14} {what} {}", "", list.join(","))?;
            }
        }
    }
    Ok(())
}

impl FileArgs {
    fn path(&self) -> Result<&Path, BadUsage> {
        self.keys.as_deref().ok_or_else(|| BadUsage("name the file of keys: --keys FILE".into()))
    }
}
