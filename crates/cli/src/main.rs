//! The `headwater` binary: serves, publishes, reads and shows runs.

mod cli;
mod commands;
mod config;
mod demo;
mod exit;
mod feed;
mod follow;
mod outline;
mod output;
mod pretty;
#[cfg(test)]
mod reference;
mod remote;
mod settings;
mod signals;
mod units;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS provider for the whole process, before anything can open a connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
