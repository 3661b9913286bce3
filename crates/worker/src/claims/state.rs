//! Claims in the table of state of a store.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_store::{Clock, Error as StoreError, StateEntry, StateStore};
use serde::{Deserialize, Serialize};

use super::{Claim, ClaimKey, ClaimToken, Claims, ClaimsError};
use crate::Random;

/// How often a key that others keep changing is tried.
const TRIES: usize = 8;
/// How many entries a sweep reads at once.
const PAGE: usize = 256;
/// Under this stand all claims.
const PREFIX: &str = "claim/";

/// Claims in the table of state of a store, for all processes that have the store at hand: those of a program that opens
/// the broker itself. Over HTTP there is no such table.
///
/// Nothing expires by itself there: call [`StateClaims::sweep`] now and then.
pub struct StateClaims {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    random: Random,
}

#[derive(Serialize, Deserialize)]
struct Value {
    token: ClaimToken,
    done: bool,
    until_ms: i64,
}

impl Value {
    fn of(entry: &StateEntry) -> Option<Self> {
        serde_json::from_slice(&entry.value).ok()
    }
}

impl StateClaims {
    /// In the table of this store. Processes that share it should agree on the time to well within a claim's length.
    #[must_use]
    pub fn new(store: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, random: Random::new() }
    }

    /// Takes away what has expired. Gives how many there were.
    ///
    /// # Errors
    /// The store failed; what was taken away is gone.
    pub async fn sweep(&self) -> Result<u64, ClaimsError> {
        let (mut after, mut swept) = (None::<String>, 0);
        loop {
            let page = self.store.list(PREFIX, after.as_deref(), PAGE).await.map_err(ClaimsError::new)?;
            for entry in page.iter().filter(|entry| self.has_expired(entry)) {
                match self.store.delete(&entry.key, entry.version).await {
                    Ok(()) => swept += 1,
                    // Somebody has claimed it again.
                    Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(ClaimsError::new(error)),
                }
            }
            if page.len() < PAGE {
                return Ok(swept);
            }
            after = page.last().map(|entry| entry.key.clone());
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn has_expired(&self, entry: &StateEntry) -> bool {
        Value::of(entry).is_none_or(|value| value.until_ms <= self.now_ms())
    }

    fn value(&self, token: ClaimToken, done: bool, length: Duration) -> Result<bytes::Bytes, ClaimsError> {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        let value = Value { token, done, until_ms: self.now_ms().saturating_add(length) };
        Ok(serde_json::to_vec(&value).map_err(ClaimsError::new)?.into())
    }

    /// The entry of a claim that is still the caller's.
    async fn own(&self, key: &str, token: ClaimToken) -> Result<Option<StateEntry>, ClaimsError> {
        let entry = self.store.get(key).await.map_err(ClaimsError::new)?;
        Ok(entry.filter(|entry| Value::of(entry).is_some_and(|value| value.token == token && !value.done)))
    }
}

fn place(key: &ClaimKey) -> String {
    format!("{PREFIX}{:032x}", key.digest())
}

#[async_trait]
impl Claims for StateClaims {
    async fn claim(&self, key: &ClaimKey, length: Duration) -> Result<Claim, ClaimsError> {
        let (key, token) = (place(key), self.random.bits());
        for _ in 0..TRIES {
            let entry = self.store.get(&key).await.map_err(ClaimsError::new)?;
            if let Some(entry) = &entry
                && let Some(value) = Value::of(entry)
                && !self.has_expired(entry)
            {
                let left = u64::try_from(value.until_ms - self.now_ms()).unwrap_or(0);
                return Ok(if value.done { Claim::Done } else { Claim::Held(Duration::from_millis(left)) });
            }
            let value = self.value(token, false, length)?;
            match self.store.put(&key, value, entry.map(|entry| entry.version)).await {
                Ok(_) => return Ok(Claim::Granted(token)),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(ClaimsError::new(error)),
            }
        }
        Err(ClaimsError::new("others keep changing the claim"))
    }

    async fn complete(&self, key: &ClaimKey, token: ClaimToken, keep: Duration) -> Result<bool, ClaimsError> {
        let key = place(key);
        let Some(entry) = self.own(&key, token).await? else { return Ok(false) };
        match self.store.put(&key, self.value(token, true, keep)?, Some(entry.version)).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(ClaimsError::new(error)),
        }
    }

    async fn release(&self, key: &ClaimKey, token: ClaimToken) -> Result<(), ClaimsError> {
        let key = place(key);
        let Some(entry) = self.own(&key, token).await? else { return Ok(()) };
        match self.store.delete(&key, entry.version).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(ClaimsError::new(error)),
        }
    }
}

impl fmt::Debug for StateClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateClaims")
    }
}
