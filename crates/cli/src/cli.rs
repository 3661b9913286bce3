//! The command line: what there is, and how a call of it runs.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::{
    commands::{self, Command},
    config::{self, Env, Layers},
    exit::BadConfig,
};

const AFTER_HELP: &str = "\
Data goes to stdout, everything else to stderr. Every flag is also an environment variable (HEADWATER_ and the flag in \
capitals, `_` for `-`) and a key of headwater.toml (the flag without its dashes; a section is a prefix). \
A flag wins over the environment, that over the file, that over the default.

Exit codes: 0 done, 1 the work failed, 2 bad usage, 64 bad configuration.";

/// The event backbone for agent and workflow runs.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, after_help = AFTER_HELP, disable_help_subcommand = true,
    args_override_self = true)]
pub(crate) struct Cli {
    /// Configuration file [default: headwater.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What to log on stderr: a level, or a filter such as headwater_gateway=debug
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn", value_parser = log_filter)]
    pub(crate) log: String,

    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Parses the command line over the configuration and runs what it asks for.
pub(crate) fn run(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match parse(&args, &env)? {
        Ok(cli) => cli,
        // Help and version are no errors: clap knows which stream and code each one has.
        Err(usage) => usage.exit(),
    };
    start_log(&cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let done = runtime.block_on(commands::run(cli, &env));
    // A blocked read of stdin must not keep the process.
    runtime.shutdown_background();
    done
}

/// Parses the flags alone first, so that a wrong command line is told as such whatever the configuration says, and
/// then again with the configuration laid under them, which may have what was missing.
fn parse(args: &[OsString], env: Env<'_>) -> Result<Result<Cli, clap::Error>, BadConfig> {
    let matches = match without_requirements(Cli::command()).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(usage) => return Ok(Err(usage)),
    };
    let named = config_path(&matches, env);
    if commands::reads_no_configuration(&matches) {
        return Ok(Cli::try_parse_from(args));
    }
    let command = Cli::command();
    let layers = Layers::read(&command, named.as_deref(), env)?;
    let matches = layers.lay_under(command).try_get_matches_from(args);
    Ok(matches.and_then(|matches| Cli::from_arg_matches(&matches)).map(|cli| Cli { config: named, ..cli }))
}

/// The same command with nothing that must be given.
fn without_requirements(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| arg.required(false));
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_requirements))
}

fn config_path(matches: &clap::ArgMatches, env: Env<'_>) -> Option<PathBuf> {
    let flag = matches.get_one::<PathBuf>("config").cloned();
    flag.or_else(|| env(&config::variable("config")).map(PathBuf::from))
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

fn start_log(cli: &Cli) -> Result<(), BadConfig> {
    let filter = EnvFilter::try_new(&cli.log).map_err(|e| BadConfig(format!("log: {e}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(crate::output::stderr_has_colour()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn configuration_lies_under_the_flags() {
        let env = |name: &str| (name == "HEADWATER_TENANT").then(|| OsString::from("acme"));
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let tenant = |cli: Cli| match cli.command {
            Command::Streams(args) => args.remote.tenant().to_string(),
            other => panic!("{other:?}"),
        };
        let cli = parse(&args(&["headwater", "streams"]), &env).unwrap().unwrap();
        assert_eq!(tenant(cli), "acme");
        let cli = parse(&args(&["headwater", "streams", "--tenant", "other"]), &env).unwrap().unwrap();
        assert_eq!(tenant(cli), "other");
    }

    #[test]
    fn what_must_be_given_may_come_from_the_environment() {
        let args: Vec<OsString> = ["headwater", "worker", "database"].map(OsString::from).into();
        let missing = parse(&args, &|_| None).unwrap().unwrap_err();
        assert_eq!(missing.kind(), clap::error::ErrorKind::MissingRequiredArgument);
        let env =
            |name: &str| (name == "HEADWATER_DATABASE").then(|| OsString::from("postgres://127.0.0.1/x"));
        parse(&args, &env).unwrap().unwrap();
    }
}
