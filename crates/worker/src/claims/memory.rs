//! Claims in this process.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Claim, ClaimKey, ClaimToken, Claims, ClaimsError};

/// Claims in this process, in a limited number: gone with it, and unknown to others.
#[derive(Debug)]
pub struct MemoryClaims {
    limit: usize,
    claims: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<u128, Entry>,
    by_end: BTreeSet<(Instant, u128)>,
    last: ClaimToken,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    token: ClaimToken,
    done: bool,
    until: Instant,
}

impl MemoryClaims {
    /// At most `limit` of them: beyond it those are forgotten first that expire first.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), claims: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing under this lock can panic half-way through a change.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn set(&mut self, key: u128, entry: Entry) {
        if let Some(old) = self.by_key.insert(key, entry) {
            self.by_end.remove(&(old.until, key));
        }
        self.by_end.insert((entry.until, key));
    }

    fn forget(&mut self, now: Instant, limit: usize) {
        while let Some((until, key)) = self.by_end.first().copied()
            && (until <= now || self.by_key.len() > limit)
        {
            self.by_end.remove(&(until, key));
            self.by_key.remove(&key);
        }
    }

    fn of(&self, key: u128, token: ClaimToken) -> bool {
        self.by_key.get(&key).is_some_and(|entry| entry.token == token && !entry.done)
    }
}

#[async_trait]
impl Claims for MemoryClaims {
    async fn claim(&self, key: &ClaimKey, length: Duration) -> Result<Claim, ClaimsError> {
        let (key, now) = (key.digest(), Instant::now());
        let mut table = self.lock();
        table.forget(now, self.limit);
        match table.by_key.get(&key) {
            Some(entry) if entry.done => return Ok(Claim::Done),
            Some(entry) => return Ok(Claim::Held(entry.until - now)),
            None => {}
        }
        table.last += 1;
        let token = table.last;
        table.set(key, Entry { token, done: false, until: now + length });
        table.forget(now, self.limit);
        Ok(Claim::Granted(token))
    }

    async fn complete(&self, key: &ClaimKey, token: ClaimToken, keep: Duration) -> Result<bool, ClaimsError> {
        let (key, now) = (key.digest(), Instant::now());
        let mut table = self.lock();
        table.forget(now, self.limit);
        let ours = table.of(key, token);
        if ours {
            table.set(key, Entry { token, done: true, until: now + keep });
        }
        Ok(ours)
    }

    async fn release(&self, key: &ClaimKey, token: ClaimToken) -> Result<(), ClaimsError> {
        let key = key.digest();
        let mut table = self.lock();
        if table.of(key, token)
            && let Some(entry) = table.by_key.remove(&key)
        {
            table.by_end.remove(&(entry.until, key));
        }
        Ok(())
    }
}
