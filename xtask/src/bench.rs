//! `cargo xtask bench`: the side-by-side benchmarks.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Result;

use crate::{shell, tool};

/// The peer that is measured in the same run.
const PEER: &str = "durable-streams";
const PEER_PROGRAM: &str = "durable-streams-server";
const PEER_VERSION: &str = "0.1.5";

/// The shared stores, in the server and in the benchmarks, and the outbox.
const STORES: &str = "headwater-cli/redis,headwater-cli/nats,headwater-cli/kafka,headwater-bench/redis,\
                      headwater-bench/nats,headwater-bench/kafka,headwater-bench/postgres";

/// Event buses of others, in a workspace of their own.
const BUSES: &str = "headwater-bench-peers";

/// Builds for release, installs the peer beside the build, and prints one table. `names` choose scenarios.
pub(crate) fn run(names: &[String]) -> Result<ExitCode> {
    let target = shell::target_dir()?;
    let peer = tool::installed(PEER, PEER_VERSION, PEER_PROGRAM)?;
    shell::run(shell::cargo().args([
        "build",
        "--release",
        "--locked",
        "-p",
        "headwater-cli",
        "-p",
        "headwater-bench",
        "--features",
        STORES,
    ]))?;
    let mut bench = Command::new(target.join("release/headwater-bench"));
    bench.arg("--server").arg(target.join("release/headwater"));
    bench.arg("--peer").arg(peer);
    if names.is_empty() || names.iter().any(|name| name == "hub" || name == "emit") {
        bench.arg("--buses").arg(buses(&target.join("peers"))?);
    }
    bench.args(names);
    shell::run(&mut bench)?;
    Ok(ExitCode::SUCCESS)
}

fn buses(target: &Path) -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args([
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "bench/peers/Cargo.toml",
        "--target-dir",
    ]);
    shell::run(build.arg(target))?;
    Ok(target.join("release").join(BUSES))
}
