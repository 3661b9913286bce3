//! Dead letters that nobody wanted in time.

use std::{collections::BTreeMap, time::Duration};

use headwater_events::{Position, Tenant};
use tokio::{sync::oneshot, time::Instant};

use super::{Engine, Raised, Round};
use crate::{
    Error,
    api::groups::DeadLetter,
    groups::{
        letters::{self, How},
        run::Run,
        stored::Stored,
    },
};

/// How many letters expire at once.
const AT_ONCE: usize = 1000;

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
            let now = self.clock.now();
            let expired_now = |letter: &DeadLetter| letters::has_expired(letter, Some(keep), now);
            let wanted = letters::Wanted { after: Position::ZERO, limit: AT_ONCE, filter: &expired_now };
            for letter in letters::open(&*self.store, &self.group, &tenant, &wanted).await? {
                if let Ok(stream) = letter.event.stream_name() {
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
    pub(super) async fn end_expired(&mut self, expired: &[(Tenant, Vec<Position>)]) {
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
