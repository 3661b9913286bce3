//! In-process event buses of other libraries, each measured in a process of its own.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Deliveries a second in sum, and deliveries that some reader did not get: what the bus called `name` does with so many
/// events, published one by one as its interface has it.
pub(crate) async fn deliver(
    program: &Path,
    name: &str,
    readers: usize,
    events: usize,
    emitters: usize,
) -> Result<(f64, usize)> {
    let mut command = tokio::process::Command::new(program);
    command.arg(name).args([readers, events, emitters].map(|n| n.to_string())).kill_on_drop(true);
    let out = command.output().await.with_context(|| format!("{} does not start", program.display()))?;
    ensure!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    let told: serde_json::Value = serde_json::from_slice(&out.stdout)?;
    let rate = told["per_second"].as_f64().context("no `per_second`")?;
    let lost = told["lost"].as_u64().context("no `lost`")?;
    Ok((rate, usize::try_from(lost)?))
}
