//! What a key looks like, and its hash.
//!
//! `hw_<id>_<secret>`: the id finds the key, the secret has 256 random bits. So much cannot be guessed, and one round of
//! SHA-256 is enough to keep it: slow hashes are for what people think of themselves.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom as _, SystemRandom},
};

/// How a key begins.
pub(crate) const PREFIX: &str = "hw_";

/// Id and secret of a key.
pub(crate) fn parse(token: &str) -> Option<(&str, &str)> {
    token.strip_prefix(PREFIX)?.split_once('_')
}

/// A key as its owner gets it.
pub(super) fn token(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}_{secret}")
}

/// Random bytes as text. `None` where the system has none to give.
pub(crate) fn random<const BYTES: usize>() -> Option<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// A random id: letters and digits only.
pub(super) fn id() -> Option<String> {
    let mut bytes = [0; 6];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let pairs =
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = pairs.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == hash.len())?;
    hash.copy_from_slice(&bytes);
    Some(hash)
}
