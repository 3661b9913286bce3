//! What strangers are told: never what exists.

use crate::problem::Problem;

/// No credential, where one is asked for.
pub(super) fn nobody() -> Problem {
    Problem::new(
        "unauthenticated",
        "send `Authorization: Bearer` with a key or a token; browsers show a ticket",
    )
}

/// A credential that is not accepted. Why is not told: it would help who is guessing.
pub(super) fn unknown() -> Problem {
    Problem::new("unauthenticated", "the credential is not valid here: unknown, revoked, expired or damaged")
}

/// A credential that was accepted and is not any more.
pub(super) fn over() -> Problem {
    Problem::new("unauthenticated", "the credential has expired or was revoked: come back with a new one")
}

/// Something the caller may not do.
pub(super) fn forbidden(what: impl Into<String>) -> Problem {
    Problem::new("forbidden", what)
}

/// An event that the caller may not publish.
pub(super) fn event(index: usize, attribute: &str, why: &str) -> Problem {
    Problem::of_event("forbidden", index, attribute, format!("{attribute}: {why}"))
}
