//! Whom a server admits.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use headwater::AuthConfig;

use crate::exit::BadConfig;

/// Where the keys are. Without any, everybody is admitted, and the server stays on its own machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessSettings {
    /// File of API keys, as `headwater keys` writes it: who has none of them is refused
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Files with keys of JSON Web Tokens, separated by commas: public keys in PEM, a JWKS, or the secret of HS256
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    jwt_keys: Vec<PathBuf>,

    /// Where an identity provider shows its keys
    #[arg(long, value_name = "URL")]
    jwt_jwks: Option<String>,

    /// What `iss` of a token must be
    #[arg(long, value_name = "TEXT")]
    jwt_issuer: Option<String>,

    /// What `aud` of a token must be or have
    #[arg(long, value_name = "TEXT")]
    jwt_audience: Option<String>,

    /// What signs tickets, 32 characters or more; by default the key file's own secret, else a random one. Better given
    /// as HEADWATER_TICKET_SECRET
    #[arg(long, value_name = "TEXT")]
    ticket_secret: Option<String>,

    /// Listen on other than loopback addresses without any keys: something in front asks who calls
    #[arg(long)]
    pub(super) insecure: bool,
}

impl AccessSettings {
    /// Where keys come from, if anywhere.
    pub(crate) fn config(&self) -> Option<AuthConfig> {
        let config = AuthConfig {
            keys: self.keys.clone(),
            jwt_keys: self.jwt_keys.clone(),
            jwks_url: self.jwt_jwks.clone(),
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            ticket_secret: self.ticket_secret.clone(),
            ..AuthConfig::default()
        };
        config.is_some().then_some(config)
    }

    /// Refuses what cannot work, and a door that is open to everybody.
    pub(super) fn check(&self, listen: SocketAddr) -> Result<(), BadConfig> {
        let Some(config) = self.config() else {
            if self.jwt_issuer.is_some() || self.jwt_audience.is_some() || self.ticket_secret.is_some() {
                let why = "jwt-issuer, jwt-audience and ticket-secret need `keys`, `jwt-keys` or `jwt-jwks`";
                return Err(BadConfig(why.into()));
            }
            if listen.ip().is_loopback() || self.insecure {
                return Ok(());
            }
            return Err(BadConfig(format!(
                "listen {listen}: others reach this address, and nobody is asked who they are: name `keys`, \
                 `jwt-keys` or `jwt-jwks`, or say `--insecure` where something in front asks"
            )));
        };
        config.check().map_err(|error| BadConfig(format!("access: {error}")))
    }
}
