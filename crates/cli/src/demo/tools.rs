//! The agents' tools. They do what they say, in a folder of the demo's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use headwater::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Pace, policy::Policy};

/// The file that the agents work on.
const FILE: &str = "policy.json";
/// How long a tool takes, in milliseconds at normal speed.
const WORK_MS: u64 = 550;

/// The tools of the demo.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    folder: PathBuf,
    pace: Pace,
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize, JsonSchema)]
struct Nothing {}

/// A load: so many requests a second for so many seconds.
#[derive(Debug, Deserialize, JsonSchema)]
struct Load {
    /// Requests a second.
    per_second: u32,
    /// How long, in seconds.
    seconds: u32,
}

impl Tools {
    /// The tools in a folder.
    pub(crate) fn new(folder: &Path, pace: Pace) -> Self {
        Self { folder: folder.to_owned(), pace }
    }

    /// The policy as it is on disk.
    pub(crate) fn policy(&self) -> anyhow::Result<Policy> {
        read(&self.folder.join(FILE))
    }

    /// The policy that is live.
    pub(crate) fn live(&self) -> anyhow::Result<Policy> {
        read(&self.folder.join("live").join(FILE))
    }

    /// Writes the policy.
    pub(crate) fn write(&self) -> Tool {
        let tools = self.clone();
        Tool::new("write_policy", "Writes the rate-limit policy to policy.json.", move |policy: Policy| {
            let tools = tools.clone();
            async move {
                tools.pace.pause(WORK_MS).await;
                let text = serde_json::to_string_pretty(&policy)?;
                fs::write(tools.folder.join(FILE), &text)?;
                anyhow::Ok(json!({ "wrote": FILE, "bytes": text.len() }))
            }
        })
    }

    /// Looks for what is wrong with it.
    pub(crate) fn lint(&self) -> Tool {
        self.tool("lint_policy", "Finds what is wrong with policy.json.", |tools| {
            Ok(json!({ "findings": tools.policy()?.lint() }))
        })
    }

    /// Plays a load against it.
    pub(crate) fn simulate(&self) -> Tool {
        let tools = self.clone();
        Tool::new("simulate", "Plays a load against policy.json.", move |load: Load| {
            let tools = tools.clone();
            async move {
                tools.pace.pause(WORK_MS).await;
                if load.per_second.saturating_mul(load.seconds) > 10_000_000 {
                    bail!("that is more than ten million requests");
                }
                Ok(serde_json::to_value(tools.policy()?.simulate(load.per_second, load.seconds))?)
            }
        })
    }

    /// Makes it live.
    pub(crate) fn deploy(&self) -> Tool {
        self.tool("deploy", "Makes policy.json live.", |tools| {
            let target = tools.folder.join("live");
            fs::create_dir_all(&target)?;
            fs::copy(tools.folder.join(FILE), target.join(FILE))?;
            Ok(json!({ "live": format!("live/{FILE}") }))
        })
    }

    /// Looks whether what is live is what was tested.
    pub(crate) fn probe(&self) -> Tool {
        self.tool("probe", "Checks that what is live is what was tested.", |tools| {
            let live = tools.live()?;
            if live != tools.policy()? {
                bail!("what is live is not what was tested");
            }
            Ok(json!({ "live": live.name, "as_tested": true }))
        })
    }

    fn tool(&self, name: &str, what: &str, work: fn(&Self) -> anyhow::Result<Value>) -> Tool {
        let tools = self.clone();
        Tool::new(name, what, move |_: Nothing| {
            let tools = tools.clone();
            async move {
                tools.pace.pause(WORK_MS).await;
                work(&tools)
            }
        })
    }
}

fn read(file: &Path) -> anyhow::Result<Policy> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).context("not a policy")
}
