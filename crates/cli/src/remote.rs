//! The broker that a command talks to.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use headwater::{BrokerUrl, ConnectError, ConnectOptions, EventBroker, Tenant};

/// Which broker, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct RemoteArgs {
    /// The Headwater to talk to; `embedded:PATH` opens a log that no server has open
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7420")]
    pub(crate) url: String,

    /// The tenant; `default` where none is named
    #[arg(long, value_name = "NAME", value_parser = tenant)]
    pub(crate) tenant: Option<Tenant>,

    /// Bearer token; better given as HEADWATER_TOKEN, where other users of the machine do not see it
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
}

impl RemoteArgs {
    /// The tenant that is spoken for.
    pub(crate) fn tenant(&self) -> Tenant {
        self.tenant.clone().unwrap_or_default()
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> anyhow::Result<Arc<dyn EventBroker>> {
        let mut options = ConnectOptions::default();
        options.http.token = self.token.clone();
        options.http.tenant = self.tenant();
        let url: BrokerUrl = self.url.parse().map_err(ConnectError::from)?;
        headwater::connect_with(&self.url, options).await.with_context(|| format!("cannot open {url}"))
    }
}

/// Reads the name of a tenant from the command line.
pub(crate) fn tenant(text: &str) -> Result<Tenant, String> {
    text.parse().map_err(|e: headwater::NameError| e.to_string())
}

/// Reads the name of a stream from the command line.
pub(crate) fn stream(text: &str) -> Result<headwater::StreamName, String> {
    text.parse().map_err(|e: headwater::NameError| e.to_string())
}
