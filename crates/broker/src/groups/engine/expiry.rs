//! Dead letters that nobody wanted in time.

use std::{collections::BTreeMap, time::Duration};

use headwater_events::{Position, Tenant};
use tokio::{sync::oneshot, time::Instant};

use super::{Engine, Raised, Round};
use crate::{
    Error,
    groups::{
        letters::{self, How},
        run::Run,
        stored::Stored,
    },
};

impl Engine {
    /// Lets go what waits for letters whose time has passed.
    pub(super) async fn expire_letters(&mut self, round: &mut Round, now: Instant) -> Result<(), Error> {
        let Some(keep) = self.settings.config.dead_letters_keep else { return Ok(()) };
        if now < self.next_expiry || self.workers.here.is_empty() {
            return Ok(());
        }
        self.next_expiry = now + (keep / 10).clamp(Duration::from_millis(50), Duration::from_secs(60));
        let tenants = match &self.group.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => Stored::read(&*self.store, &self.group).await?.tenants,
        };
        let (mut raised, mut expired) = (Raised::new(), BTreeMap::<Tenant, Vec<Position>>::new());
        for tenant in tenants {
            for letter in letters::open(&*self.store, &self.group, &tenant).await? {
                if letters::has_expired(&letter, Some(keep), self.clock.now())
                    && let Ok(stream) = letter.event.stream_name()
                {
                    raised.push((letter.lane, Run::new(tenant.clone(), stream), None));
                    expired.entry(tenant.clone()).or_default().push(letter.position);
                }
            }
        }
        if !raised.is_empty() {
            // Nobody waits for the answer.
            round.raises.push((raised, oneshot::channel().0));
            round.expired = expired.into_iter().collect();
        }
        Ok(())
    }

    /// Marks letters that their runs no longer wait for. Failed, they are found again.
    pub(super) async fn end_expired(&self, expired: &[(Tenant, Vec<Position>)]) {
        for (tenant, positions) in expired {
            let now = self.clock.now();
            let marked =
                letters::settle(&*self.store, &self.group, tenant, now, positions, How::Expired).await;
            match marked {
                Ok(()) => {
                    tracing::info!(group = %self.group, letters = positions.len(), "dead letters have expired");
                }
                Err(error) => {
                    tracing::warn!(group = %self.group, %error, "expired dead letters are not marked yet");
                }
            }
        }
    }
}
