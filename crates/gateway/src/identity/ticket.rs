//! Tickets: what a browser shows where it cannot set a header. They read, nothing else, and for a while.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How a ticket begins.
pub(super) const PREFIX: &str = "hwt_";

/// What stands in a ticket. It is signed, not hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ticket {
    /// The tenant.
    pub(super) t: String,
    /// Patterns of streams; none is every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) s: Vec<String>,
    /// Patterns of types that are seen; none is every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) r: Vec<String>,
    /// Until when, in seconds since 1970.
    pub(super) x: i64,
    /// The key that asked for it: without it the ticket means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) k: Option<String>,
}

/// What tickets are signed with.
pub(super) struct Signer(hmac::Key);

impl Signer {
    pub(super) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    pub(super) fn sign(&self, ticket: &Ticket) -> String {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(ticket).unwrap_or_default());
        let tag = hmac::sign(&self.0, body.as_bytes());
        format!("{PREFIX}{body}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// What a ticket says, where it was signed here. Whether it has expired is another question.
    pub(super) fn open(&self, text: &str) -> Option<Ticket> {
        let (body, tag) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, body.as_bytes(), &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_here_opens() {
        let ticket = Ticket { t: "acme".into(), s: vec!["wf-1".into()], r: Vec::new(), x: 7, k: None };
        let signer = Signer::new("secret");
        let text = signer.sign(&ticket);
        assert_eq!(signer.open(&text), Some(ticket));
        assert_eq!(Signer::new("other").open(&text), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last letter of base64 has bits that mean nothing: a strict decoder refuses them.
            assert_eq!(signer.open(&forged), None, "changed at {at}");
            assert_eq!(signer.open(&text[..at]), None, "cut at {at}");
        }
    }
}
