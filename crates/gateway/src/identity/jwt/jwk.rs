//! Keys as providers show them: a JSON Web Key Set (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::key::{Kind, POINT, SECRET, VerifyKey};

#[derive(Deserialize)]
struct Set {
    /// Each looked at by itself: one that cannot be read does not spoil the others.
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

/// The keys of a provider that are for signatures we know; others are passed over, as providers list them too. A
/// shared secret is none that everybody can read.
pub(in crate::identity) fn from_jwks(json: &[u8]) -> Result<Vec<VerifyKey>, String> {
    read_set(json, false)
}

pub(super) fn read_set(json: &[u8], secrets: bool) -> Result<Vec<VerifyKey>, String> {
    let set: Set = serde_json::from_slice(json).map_err(|error| format!("no JWKS: {error}"))?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys.filter_map(|jwk| key(jwk, secrets)).collect())
}

fn key(jwk: Jwk, secrets: bool) -> Option<VerifyKey> {
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return None;
    }
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let kind = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Kind::RsaNumbers { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
        ("EC", Some("P-256")) => {
            let point = [vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat();
            Kind::P256(Some(point).filter(|point| point.len() == POINT)?)
        }
        ("OKP", Some("Ed25519")) => Kind::Ed25519(bytes(&jwk.x)?),
        ("oct", _) if secrets => Kind::secret(&bytes(&jwk.k).filter(|secret| secret.len() >= SECRET)?),
        _ => return None,
    };
    let fits = jwk.alg.is_none_or(|alg| alg == kind.algorithm());
    fits.then_some(VerifyKey { kid: jwk.kid, kind })
}
