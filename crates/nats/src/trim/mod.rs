//! Retention.
//!
//! What goes is looked at first, by its headers, and written down: by run, by tenant, by lane. Only then it is purged.
//! A process that ends in between has told of a loss too early, which the next one makes good; several that trim at once
//! do the same twice.

mod cut;
mod ended;
mod take;

use std::time::Duration;

use headwater_events::Class;
use headwater_store::Error;

use crate::link::Link;

/// Durable and internal events have one limit, transient ones another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Durable,
    Transient,
}

impl Kind {
    const fn classes(self) -> &'static [Class] {
        match self {
            Self::Durable => &[Class::Durable, Class::Internal],
            Self::Transient => &[Class::Transient],
        }
    }

    fn filters(self, link: &Link) -> Vec<String> {
        self.classes().iter().map(|class| link.names.class(*class)).collect()
    }
}

impl Link {
    /// Removes what retention no longer keeps.
    pub(crate) async fn trim(&self) -> Result<(), Error> {
        let retention = self.options.retention;
        for (kind, limits) in [(Kind::Transient, retention.transient), (Kind::Durable, retention.durable)] {
            if let Some(cut) = self.cut(kind, limits).await? {
                self.take_up_to(kind, cut).await?;
            }
        }
        if let Some(after) = retention.transient_after_end {
            self.take_deltas_of_ended(after).await?;
        }
        if let Some(after) = retention.run_after_end {
            self.take_ended(after).await?;
        }
        Ok(())
    }

    /// Trims in intervals until the store is closed.
    pub(crate) async fn keep_trimmed(self: std::sync::Arc<Self>) {
        let mut failed = false;
        while self.open_or().is_ok() {
            // Give or take a quarter, so that several processes do not do it at once.
            let interval = self.options.retention_interval.max(Duration::from_millis(100));
            let spread = uuid::Uuid::new_v4().as_u128() % 512;
            let part = f64::from(u16::try_from(spread).unwrap_or(0)) / 1024.0;
            tokio::time::sleep(interval.mul_f64(0.75 + part)).await;
            match self.trim().await {
                Ok(()) => failed = false,
                Err(Error::Closed) => return,
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(%error, "retention could not be applied; trying again");
                }
                Err(_) => {}
            }
        }
    }
}
