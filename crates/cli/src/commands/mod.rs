//! What the binary can do: one file a command.

mod check;
mod completions;
mod config;
mod dead_letters;
mod demo;
mod export;
mod groups;
mod import;
mod keys;
mod mirror;
mod publish;
mod schema;
pub(crate) mod serve;
mod show;
mod streams;
mod tail;
mod worker;

use std::process::ExitCode;

use clap::{ArgMatches, Subcommand};

use crate::{cli::Cli, config::Env};

/// A command and its flags.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the five-agent pipeline on an embedded server, live in the terminal
    Demo(demo::Args),
    /// Serve a broker over HTTP
    Serve(serve::Args),
    /// Publish events: JSON Lines, or one CloudEvent
    Publish(publish::Args),
    /// Read events as they come
    Tail(tail::Args),
    /// List runs
    Streams(streams::Args),
    /// Show one run: its state, its parts and how long they took
    Show(show::Args),
    /// Write the events of a stream to stdout as JSON Lines
    Export(export::Args),
    /// Publish exported events; those that are there already are counted and skipped
    Import(import::Args),
    /// List the consumer groups: who works, how far behind, what is dead
    Groups(groups::ListArgs),
    /// Show one consumer group: its workers and their lanes
    Group(groups::ShowArgs),
    /// List what a group could not handle, send it again, or give it up
    DeadLetters(dead_letters::Args),
    /// Run a stock worker: metrics, logs, database, outbox, temporal
    Worker(worker::Args),
    /// Copy streams from one broker to another; stopped anywhere, the next one goes on
    Mirror(mirror::Args),
    /// Make, list, rotate and revoke the API keys of a server
    Keys(keys::Args),
    /// Verify an embedded log
    Check(check::Args),
    /// List the event types, or print the JSON Schema of one
    Schema(schema::Args),
    /// Check the configuration
    Config(config::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Runs a command.
pub(crate) async fn run(cli: Cli, env: Env<'_>) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Publish(args) => publish::run(args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Streams(args) => streams::run(&args).await,
        Command::Show(args) => show::run(&args).await,
        Command::Export(args) => export::run(&args).await,
        Command::Import(args) => import::run(args).await,
        Command::Groups(args) => groups::list(&args).await,
        Command::Group(args) => groups::show(&args).await,
        Command::DeadLetters(args) => dead_letters::run(&args).await,
        Command::Worker(args) => worker::run(args).await,
        Command::Mirror(args) => mirror::run(args).await,
        Command::Keys(args) => keys::run(args),
        Command::Check(args) => check::run(&args).await,
        Command::Schema(args) => schema::run(&args),
        Command::Config(args) => config::run(&args, cli.config.as_deref(), env),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Whether a command works whatever the configuration says.
pub(crate) fn reads_no_configuration(matches: &ArgMatches) -> bool {
    matches!(matches.subcommand_name(), Some("completions"))
}
