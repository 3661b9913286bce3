//! What a token says, and what follows from it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::identity::{Grant, Right, grant::some};

/// The claims that are read; a token may have others.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    /// Until when it is good: a token without an end is not accepted.
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: OneOrMany,
    /// One tenant, or several, or patterns of them.
    #[serde(default)]
    tenant: OneOrMany,
    /// Words with spaces between; those that are not ours mean nothing here.
    #[serde(default)]
    scope: Option<String>,
    #[serde(default, deserialize_with = "some")]
    streams: Vec<String>,
    #[serde(default, deserialize_with = "some")]
    publish_types: Vec<String>,
    #[serde(default, deserialize_with = "some")]
    read_types: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// How far the clocks of a provider and of this machine may be apart, in seconds.
const LEEWAY: f64 = 30.0;

impl Claims {
    /// Whether the token is good at a moment.
    pub(super) fn hold_at(&self, now: Timestamp) -> bool {
        let now = now.as_second() as f64;
        self.exp + LEEWAY > now && self.nbf.is_none_or(|nbf| nbf - LEEWAY <= now)
    }

    /// Whether it is from whom and for whom it must be, where that is asked.
    pub(super) fn are_for(&self, issuer: Option<&str>, audience: Option<&str>) -> bool {
        issuer.is_none_or(|issuer| self.iss.as_deref() == Some(issuer))
            && audience.is_none_or(|audience| self.aud.list().iter().any(|aud| aud == audience))
    }

    /// Until when it is good.
    pub(super) fn until(&self) -> Timestamp {
        Timestamp::from_second((self.exp + LEEWAY) as i64).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn grant(&self) -> Grant {
        let words = self.scope.as_deref().unwrap_or("").split_ascii_whitespace();
        Grant {
            tenants: self.tenant.list().to_vec(),
            scopes: words.filter_map(|word| word.parse::<Right>().ok()).collect(),
            streams: self.streams.clone(),
            publish_types: self.publish_types.clone(),
            read_types: self.read_types.clone(),
        }
    }
}
