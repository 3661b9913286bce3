//! Who calls, and what they may do.
//!
//! Whoever shows a credential (an API key, a JSON Web Token, a ticket) becomes a [`Caller`]: one tenant, and rights
//! inside it. Every handler begins with that and asks the caller before it does anything, so that an answer never
//! depends on what exists elsewhere. Without an authority everybody may do everything, and the tenant is the one that
//! is named: the server then belongs on a loopback address.

mod authority;
mod caller;
mod credential;
mod grant;
mod jwt;
mod keys;
mod names;
mod refused;
mod ticket;
pub(crate) mod tickets;
mod vigil;

pub use authority::{AuthConfig, Authority, FetchKeys};
pub(crate) use caller::Caller;
pub use grant::{Grant, Right};
pub use keys::{Key, KeyFile, KeyFileError};
pub(crate) use vigil::Vigil;
