//! Where keys come from.

use std::{fmt, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Gets what is at a URL: the keys of an identity provider.
pub type FetchKeys = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Bytes, String>> + Send + Sync>;

/// Where an [`Authority`](super::Authority) has its keys from. Each is optional; without any, nobody is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// The file of API keys, as `headwater keys` writes it. Its secret signs tickets, so that gateways with the same
    /// file accept each other's, after a restart too.
    pub keys: Option<PathBuf>,
    /// Files with keys of tokens: public keys in PEM, a JWKS, or the secret of HS256.
    pub jwt_keys: Vec<PathBuf>,
    /// Where an identity provider shows its keys: `https://…`, or `http://` on this machine.
    pub jwks_url: Option<String>,
    /// How often they are fetched anew, in milliseconds: 600,000.
    pub jwks_refresh_ms: u64,
    /// What `iss` of a token must be.
    pub issuer: Option<String>,
    /// What `aud` of a token must be or have.
    pub audience: Option<String>,
    /// What signs tickets where no key file does: at least 32 characters. By default random, so that tickets end with
    /// the process.
    pub ticket_secret: Option<String>,
    /// How often files are looked at, in milliseconds: 2,000.
    pub look_ms: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            keys: None,
            jwt_keys: Vec::new(),
            jwks_url: None,
            jwks_refresh_ms: 600_000,
            issuer: None,
            audience: None,
            ticket_secret: None,
            look_ms: 2_000,
        }
    }
}

impl AuthConfig {
    /// Whether anything is configured that could accept somebody.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.keys.is_some() || self.wants_tokens()
    }

    pub(super) fn wants_tokens(&self) -> bool {
        !self.jwt_keys.is_empty() || self.jwks_url.is_some()
    }

    /// Says what cannot work, if anything.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        if !self.is_some() {
            return Err("name keys, jwt_keys or jwks_url: without any, nobody is accepted".into());
        }
        let private = |url: &String| {
            let hosts = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
            url.starts_with("https://") || hosts.iter().any(|host| has_host(url, host))
        };
        if self.jwks_url.as_ref().is_some_and(|url| !private(url)) {
            return Err(
                "jwks_url: must begin with https://: whoever answers there decides who is accepted".into()
            );
        }
        if self.ticket_secret.as_ref().is_some_and(|secret| secret.len() < 32) {
            return Err("ticket_secret: must have at least 32 characters".into());
        }
        if self.jwks_refresh_ms == 0 || self.look_ms == 0 {
            return Err("jwks_refresh_ms and look_ms must be at least 1".into());
        }
        if !self.wants_tokens() && (self.issuer.is_some() || self.audience.is_some()) {
            return Err("issuer and audience are of tokens: name jwt_keys or jwks_url too".into());
        }
        Ok(())
    }
}

fn has_host(url: &str, host: &str) -> bool {
    url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("keys", &self.keys)
            .field("jwt_keys", &self.jwt_keys)
            .field("jwks_url", &self.jwks_url)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        let check = |url: &str| AuthConfig { jwks_url: Some(url.into()), ..AuthConfig::default() }.check();
        for good in
            ["https://id.example/keys", "http://127.0.0.1:9/keys", "http://localhost/k", "http://[::1]:1"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["http://id.example/keys", "http://127.0.0.1.evil.example/", "http://localhost@evil.example/"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_configuration_that_accepts_nobody_is_refused() {
        assert!(AuthConfig::default().check().is_err());
        let config = AuthConfig { keys: Some("k".into()), issuer: Some("x".into()), ..AuthConfig::default() };
        assert!(config.check().is_err());
        let config =
            AuthConfig { keys: Some("k".into()), ticket_secret: Some("x".into()), ..AuthConfig::default() };
        assert!(config.check().is_err());
    }
}
