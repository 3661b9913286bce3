//! The tools: calls with their arguments as a model writes them, carried out for real.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use headwater::catalogue::{ToolArguments, ToolCall, ToolError, ToolResult};
use serde_json::{Value, json};

use super::{agent::Agent, model, policy::Policy};

impl Agent {
    /// Calls a tool: streams the arguments, calls, and gives the result.
    pub(crate) async fn call(&mut self, part: &str, tool: &str, arguments: Value) -> anyhow::Result<Value> {
        let id = uuid::Uuid::now_v7().to_string();
        let text = arguments.to_string();
        for piece in model::split(&text) {
            let delta = ToolArguments::new(piece).tool_call_id(&*id).name(tool);
            self.emit(part, delta).await?;
            self.setting.pace.pause(25).await;
        }
        let call = ToolCall::new().tool_call_id(&*id).name(tool).arguments(arguments.clone());
        self.emit(part, call).await?;
        let begun = tokio::time::Instant::now();
        self.setting.pace.pause(550).await;
        let folder = self.setting.work.clone();
        let name = tool.to_owned();
        let done = tokio::task::spawn_blocking(move || carry_out(&folder, &name, &arguments)).await?;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match done {
            Ok(result) => {
                let told =
                    ToolResult::new().tool_call_id(&*id).name(tool).result(result.clone()).duration_ms(took);
                self.emit(part, told).await?;
                Ok(result)
            }
            Err(error) => {
                let told = ToolError::new().tool_call_id(&*id).name(tool).error(format!("{error:#}"));
                self.emit(part, told).await?;
                Err(error)
            }
        }
    }
}

/// The file that the agents work on.
const FILE: &str = "policy.json";

fn carry_out(folder: &Path, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
    let file = folder.join(FILE);
    match tool {
        "write_policy" => {
            let policy: Policy = serde_json::from_value(arguments.clone()).context("not a policy")?;
            let text = serde_json::to_string_pretty(&policy)?;
            fs::write(&file, &text)?;
            Ok(json!({ "wrote": FILE, "bytes": text.len() }))
        }
        "lint_policy" => Ok(json!({ "findings": read(&file)?.lint() })),
        "simulate" => {
            let number =
                |name: &str| arguments[name].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
            Ok(serde_json::to_value(read(&file)?.simulate(number("per_second"), number("seconds")))?)
        }
        "deploy" => {
            let target = folder.join("live");
            fs::create_dir_all(&target)?;
            fs::copy(&file, target.join(FILE))?;
            Ok(json!({ "live": format!("live/{FILE}") }))
        }
        "probe" => {
            let live = read(&folder.join("live").join(FILE))?;
            if live != read(&file)? {
                bail!("what is live is not what was tested");
            }
            Ok(json!({ "live": live.name, "as_tested": true }))
        }
        other => bail!("no tool `{other}`"),
    }
}

fn read(file: &Path) -> anyhow::Result<Policy> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).context("not a policy")
}
