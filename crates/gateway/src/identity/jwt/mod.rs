//! JSON Web Tokens of an identity provider: signed ones in compact form (RFC 7515), nothing else.
//!
//! A key knows the one algorithm it is for, and a token that names another is not looked at any further. The signatures
//! are ring's, as those of TLS are: the process has no second cryptography.

mod claims;
mod jwk;
mod jws;
mod key;
mod spki;
mod tokens;

pub(super) use jwk::from_jwks;
pub(super) use key::{VerifyKey, from_file};
pub(super) use tokens::{Refused, Tokens};
