//! Checking tokens, and remembering those that were checked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{claims::Claims, jws::Parts, key::VerifyKey};
use crate::identity::{grant::Rights, keys::sha256};

/// Why a token is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::identity) enum Refused {
    /// Its key is not known: the provider may have a new one.
    UnknownKey,
    /// It is forged, damaged, expired, or for somebody else.
    Bad,
}

/// What a token gives.
pub(in crate::identity) type Accepted = (Arc<Rights>, Timestamp);

/// The keys, and what tokens must say.
pub(in crate::identity) struct Tokens {
    issuer: Option<String>,
    audience: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Arc<[VerifyKey]>,
    /// Tokens that were accepted, by their hash: a signature costs more than all the rest of a request.
    known: HashMap<[u8; 32], Accepted>,
}

/// How many tokens are remembered.
const KNOWN: usize = 4096;
/// The longest token.
const MAX_TOKEN: usize = 8 * 1024;

impl Tokens {
    pub(in crate::identity) fn new(issuer: Option<String>, audience: Option<String>) -> Self {
        Self { issuer, audience, state: Mutex::default() }
    }

    /// Takes other keys. What older ones signed is checked again.
    pub(in crate::identity) fn set_keys(&self, keys: Vec<VerifyKey>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { keys: keys.into(), known: HashMap::new() };
    }

    pub(in crate::identity) fn accept(&self, token: &str, now: Timestamp) -> Result<Accepted, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::Bad);
        }
        let hash = sha256(token);
        let keys = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match state.known.get(&hash) {
                Some(known) if now < known.1 => return Ok(known.clone()),
                Some(_) => return Err(Refused::Bad),
                None => Arc::clone(&state.keys),
            }
        };
        let claims = check(token, &keys)?;
        if !claims.hold_at(now) || !claims.are_for(self.issuer.as_deref(), self.audience.as_deref()) {
            return Err(Refused::Bad);
        }
        let rights = Rights::new(&claims.grant()).map_err(|_| Refused::Bad)?;
        let accepted = (Arc::new(rights), claims.until());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.known.len() >= KNOWN {
            state.known.clear();
        }
        // Not where the keys were replaced meanwhile: it may be one of the old ones.
        if Arc::ptr_eq(&state.keys, &keys) {
            state.known.insert(hash, accepted.clone());
        }
        Ok(accepted)
    }
}

/// The claims of a token that one of the keys has signed.
fn check(token: &str, keys: &[VerifyKey]) -> Result<Claims, Refused> {
    let parts = Parts::of(token).ok_or(Refused::Bad)?;
    let kid = &parts.header.kid;
    let fits = |key: &&VerifyKey| {
        key.kind.algorithm() == parts.header.alg && (kid.is_none() || key.kid.is_none() || key.kid == *kid)
    };
    let mut fitting = keys.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        return Err(Refused::UnknownKey);
    }
    if !fitting.any(|key| key.kind.verify(parts.message, &parts.signature)) {
        return Err(Refused::Bad);
    }
    let payload = parts.payload().ok_or(Refused::Bad)?;
    serde_json::from_slice(&payload).map_err(|_| Refused::Bad)
}
