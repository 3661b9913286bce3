//! Keeping keys fresh: files that change, a provider that takes new keys.

use std::{sync::PoisonError, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, interval, timeout},
};

use super::{Authority, Now, sources};
use crate::identity::{jwt::from_jwks, keys::Table, ticket::Signer};

/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a provider is not asked again, whoever shows a key that is not known.
const REST: Duration = Duration::from_secs(30);

impl Authority {
    /// Looks at the files and asks the provider for as long as it is polled. [`Gateway::serve`](crate::Gateway::serve)
    /// does it; a program that serves the routes itself runs it beside them.
    pub async fn keep_fresh(&self) {
        if self.is_open() {
            return std::future::pending().await;
        }
        let mut look = interval(Duration::from_millis(self.config.look_ms));
        let every = Duration::from_millis(self.config.jwks_refresh_ms);
        let mut told = None;
        loop {
            look.tick().await;
            if self.have_files_changed().await {
                match self.read_files().await {
                    Ok(()) => {
                        told = None;
                        tracing::info!("keys were read again");
                    }
                    // It is tried at every look, and told once.
                    Err(error) if told.as_ref() == Some(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "keys stay as they were");
                        told = Some(error);
                    }
                }
            }
            let asked = self.sources.lock().await.asked;
            if self.config.jwks_url.is_some() && asked.is_none_or(|asked| asked.elapsed() >= every) {
                self.ask_provider().await;
            }
        }
    }

    async fn have_files_changed(&self) -> bool {
        let fresh = self.stamps().await;
        self.sources.lock().await.stamps != fresh
    }

    async fn stamps(&self) -> Vec<sources::Stamp> {
        let config = self.config.clone();
        let look = move || sources::stamps(config.keys.iter().chain(&config.jwt_keys));
        spawn_blocking(look).await.unwrap_or_default()
    }

    pub(super) async fn read_files(&self) -> Result<(), String> {
        let mut sources = self.sources.lock().await;
        // Looked at before it is read: a change in between is seen at the next look. Where reading fails there are none,
        // so that the next look tries again.
        let stamps = self.stamps().await;
        sources.stamps.clear();
        let config = self.config.clone();
        let read = spawn_blocking(move || sources::read(config.keys.as_deref(), &config.jwt_keys)).await;
        let files = read.map_err(|error| error.to_string())??;
        if let Some(file) = files.keys {
            let table = Table::new(&file)?;
            let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
            let signer = match &self.config.ticket_secret {
                Some(secret) => Signer::new(secret),
                None => Signer::new(file.ticket_secret()),
            };
            *now = Now { table: table.keep(&now.table).into(), signer: signer.into() };
        }
        sources.from_files = files.jwt_keys;
        sources.stamps = stamps;
        self.set_keys(&sources);
        Ok(())
    }

    /// Gets the provider's keys, unless that was tried a moment ago. Whoever comes meanwhile waits for the same answer.
    pub(super) async fn ask_provider(&self) {
        let (Some(url), Some(fetch)) = (&self.config.jwks_url, &self.fetch) else { return };
        let mut sources = self.sources.lock().await;
        let rest = REST.min(Duration::from_millis(self.config.jwks_refresh_ms));
        if sources.asked.is_some_and(|asked| asked.elapsed() < rest) {
            return;
        }
        sources.asked = Some(Instant::now());
        let answer = match timeout(PATIENCE, fetch(url.clone())).await {
            Ok(answer) => answer.and_then(|json| from_jwks(&json)),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        };
        match answer {
            Ok(keys) => {
                sources.from_provider = keys;
                self.set_keys(&sources);
            }
            Err(error) => tracing::warn!(url, error, "the identity provider's keys stay as they were"),
        }
    }

    fn set_keys(&self, sources: &sources::Sources) {
        if let Some(tokens) = &self.tokens {
            tokens.set_keys(sources.from_files.iter().chain(&sources.from_provider).cloned().collect());
        }
        self.changes.send_modify(|changes| *changes += 1);
    }
}
