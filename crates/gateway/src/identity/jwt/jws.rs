//! A token taken apart. Nothing of it is believed yet.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The parts of a token.
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    /// What is signed.
    pub(super) message: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: &'a str,
}

/// What a token says of its signature.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    /// What must be understood to believe the token: we understand none of it.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl<'a> Parts<'a> {
    /// `None` where it is no signed token.
    pub(super) fn of(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header, message: message.as_bytes(), signature, payload })
    }

    /// What it claims, for who has checked the signature.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_signed_token_has_no_parts() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let (header, claims) = (part(r#"{"alg":"ES256","kid":"a"}"#), part("{}"));
        let parts = Parts::of("x.y");
        assert!(parts.is_none());
        let good = format!("{header}.{claims}.AAAA");
        let parts = Parts::of(&good).unwrap();
        assert_eq!((parts.header.alg.as_str(), parts.payload().unwrap()), ("ES256", b"{}".to_vec()));
        let critical = part(r#"{"alg":"ES256","crit":["exp"],"exp":1}"#);
        for bad in [
            String::new(),
            "..".into(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.x.AAAA"),
            format!("{header}.{claims}.A"),
            format!("{claims}.{claims}.AAAA"),
            format!("{critical}.{claims}.AAAA"),
        ] {
            assert!(Parts::of(&bad).is_none(), "{bad}");
        }
    }
}
