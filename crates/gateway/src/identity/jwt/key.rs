//! Keys that tokens are signed with, from files.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    },
};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::{jwk::read_set, spki};

/// A key, and its name where it has one.
#[derive(Clone)]
pub(in crate::identity) struct VerifyKey {
    pub(super) kid: Option<String>,
    pub(super) kind: Kind,
}

/// What a key is, and by that the one algorithm it is for: a token does not choose.
#[derive(Clone)]
pub(super) enum Kind {
    /// A shared secret: HS256.
    Secret(hmac::Key),
    /// An RSA key as PKCS #1 has it: RS256.
    Rsa(Vec<u8>),
    /// An RSA key by its numbers: RS256.
    RsaNumbers { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point of P-256: ES256.
    P256(Vec<u8>),
    /// EdDSA.
    Ed25519(Vec<u8>),
}

/// The shortest secret of HS256, in bytes: as long as its hash.
pub(super) const SECRET: usize = 32;
/// The length of an uncompressed point of P-256.
pub(super) const POINT: usize = 65;

/// How PEM begins.
const PEM: &[u8] = b"-----BEGIN";
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

impl Kind {
    /// The algorithm, as tokens name it.
    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) | Self::RsaNumbers { .. } => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Secret(key) => hmac::verify(key, message, signature),
            Self::Rsa(der) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).verify(message, signature)
            }
            Self::RsaNumbers { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }

    pub(super) fn secret(secret: &[u8]) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

/// The keys of a file: public keys in PEM, a JWKS, or the shared secret of HS256.
pub(in crate::identity) fn from_file(text: &[u8]) -> Result<Vec<VerifyKey>, String> {
    let text = text.trim_ascii();
    if text.starts_with(PEM) {
        return from_pem(text);
    }
    if text.starts_with(b"{") {
        return read_set(text, true);
    }
    if !is_word(text) {
        return Err(
            "neither PEM nor a JWKS; a secret of HS256 is one word of ASCII letters (base64 or hex)".into()
        );
    }
    if text.len() < SECRET {
        return Err(format!(
            "neither PEM nor a JWKS, and too short for a secret of HS256: {SECRET} bytes at least"
        ));
    }
    Ok(vec![VerifyKey { kid: None, kind: Kind::secret(text) }])
}

/// Whether it can be a secret. What only looks unlike a public key must not become one: everybody knows it, and could
/// sign with it.
fn is_word(text: &[u8]) -> bool {
    let is_public = STANDARD.decode(text).is_ok_and(|der| spki::parse(&der).is_some());
    text.iter().all(u8::is_ascii_graphic)
        && !text.starts_with(b"[")
        && !text.windows(PEM.len()).any(|part| part == PEM)
        && !is_public
}

fn from_pem(pem: &[u8]) -> Result<Vec<VerifyKey>, String> {
    let keys = SubjectPublicKeyInfoDer::pem_slice_iter(pem).map(|der| {
        let der = der.map_err(|error| format!("the PEM cannot be read: {error}"))?;
        let (oid, bits) = spki::parse(&der).ok_or("a public key cannot be read")?;
        let kind = match oid {
            OID_RSA => Kind::Rsa(bits.to_vec()),
            OID_EC if bits.len() == POINT => Kind::P256(bits.to_vec()),
            OID_ED25519 => Kind::Ed25519(bits.to_vec()),
            _ => return Err("a public key is none of RSA, P-256 and Ed25519".to_owned()),
        };
        Ok(VerifyKey { kid: None, kind })
    });
    let keys = keys.collect::<Result<Vec<_>, String>>()?;
    if keys.is_empty() { Err("there is no PUBLIC KEY in it".into()) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = include_str!("../../../tests/identity/rsa.pub.pem");

    #[test]
    fn what_everybody_may_know_never_becomes_a_secret() {
        let body: String = RSA.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&body).unwrap();
        let set = br#"[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a","use":"sig"}]"#;
        let squeezed = RSA.replace(char::is_whitespace, "");
        for bad in [
            &der[..],
            body.as_bytes(),
            set,
            format!("\u{feff}{RSA}").as_bytes(),
            format!("# a key\n{RSA}").as_bytes(),
            format!("x{squeezed}").as_bytes(),
            "a secret with spaces, long enough for HS256".as_bytes(),
            &[0; 64],
            b"short",
        ] {
            assert!(from_file(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(from_file(RSA.as_bytes()).unwrap()[0].kind.algorithm(), "RS256");
        for secret in ["0123456789abcdef0123456789abcdef\n", "b64+/b64+/b64+/b64+/b64+/b64+/b64="] {
            assert_eq!(from_file(secret.as_bytes()).unwrap()[0].kind.algorithm(), "HS256");
        }
    }
}
