//! Installs what the tests need and says what it did.

mod apt;
mod kafka;
mod nats;
mod node;
mod postgres;
mod redis;
mod wheels;

use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// What is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// Node.js and the client libraries of the end-to-end tests.
    pub(crate) node: bool,
    /// What the client of Kafka is compiled with.
    pub(crate) kafka: bool,
}

/// Looks for every tool, installs what is missing where that is possible, and says what to do where it is not.
pub(crate) fn run() -> Result<Ready> {
    eprintln!("== setup");
    component("fmt", "rustfmt")?;
    component("clippy", "clippy")?;
    let node = node::node()?;
    let tools = shell::target_dir()?.join("tools");
    // A test that finds no server says so and is counted as skipped: nothing here fails the whole.
    optional("redis-server", &redis::install(&tools));
    wheels::install(&tools);
    optional("nats-server", &nats::install(&tools));
    optional("postgres", &postgres::install());
    optional("kafka", &kafka::install(&tools));
    let kafka = optional("kafka client", &kafka::build_tools());
    Ok(Ready { node, kafka })
}

fn optional(name: &str, installed: &Result<()>) -> bool {
    if let Err(error) = installed {
        eprintln!("{name}: {error:#}; its tests are skipped");
    }
    installed.is_ok()
}

fn component(subcommand: &str, name: &str) -> Result<()> {
    let found = shell::cargo().args([subcommand, "--version"]).output().is_ok_and(|out| out.status.success());
    if found {
        eprintln!("{name}: found");
        return Ok(());
    }
    eprintln!("{name}: missing, installing with rustup");
    shell::run(Command::new("rustup").args(["component", "add", name])).with_context(|| {
        format!("`cargo {subcommand}` is missing: install the {name} component of your toolchain")
    })
}
