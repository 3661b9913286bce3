//! What a handler says when it did not succeed.

use std::{borrow::Cow, fmt, time::Duration};

/// What became of an event: `Ok` acks it, and nothing else does.
pub type Outcome = Result<(), Failure>;

/// Why an event was not handled. What becomes of it then is for the [`Policy`](crate::Policy) to say.
///
/// Any error becomes a failure of [`Kind::Failed`] through `?`, so a handler that says nothing special is retried.
/// It is no [`std::error::Error`] itself, for that reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) kind: Kind,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) after: Option<Duration>,
}

/// The kinds of failures that a policy tells apart. Each has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The handler returned an error.
    Failed,
    /// The handler returned an error of a kind of its own, such as `database-down`.
    Named(&'static str),
    /// The handler took longer than it may.
    TimedOut,
    /// The handler panicked.
    Panicked,
    /// The handler was stopped in the middle: the worker shut down, or its lease was lost.
    Stopped,
    /// The handler will never be able to handle this event.
    Rejected,
    /// The payload is not what its type promises, or not readable at all.
    Undecodable,
    /// The event is of a version that the handler does not know.
    UnknownVersion,
    /// Somebody else has claimed the event, or died with its claim.
    Claimed,
    /// The event was not tried.
    NotTried,
}

impl Kind {
    /// The stable code: reasons of dead letters and labels of metrics begin with it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failed => "handler-failed",
            Self::Named(name) => name,
            Self::TimedOut => "handler-timeout",
            Self::Panicked => "handler-panicked",
            Self::Stopped => "handler-stopped",
            Self::Rejected => "rejected",
            Self::Undecodable => "undecodable",
            Self::UnknownVersion => "unknown-version",
            Self::Claimed => "claimed",
            Self::NotTried => "not-tried",
        }
    }
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into(), after: None }
    }

    /// It failed and may succeed later: tried again after the policy's backoff.
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Failed, reason)
    }

    /// It failed and may succeed after this time, which goes before the policy's backoff.
    pub fn retry_after(after: Duration, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { after: Some(after), ..Self::new(Kind::Failed, reason) }
    }

    /// It will never succeed: a dead letter at once.
    pub fn reject(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Rejected, reason)
    }

    /// It was not tried, because something that is not the event's fault is missing: it comes again, and the attempt
    /// is not spent.
    pub fn release(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotTried, reason)
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How long to wait before the next try, where the handler said so.
    #[must_use]
    pub const fn after(&self) -> Option<Duration> {
        self.after
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.reason)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors say what caused them themselves.
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            cause = error.source();
        }
        Self::retry(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page() {
        let kinds = [
            Kind::Failed,
            Kind::TimedOut,
            Kind::Panicked,
            Kind::Stopped,
            Kind::Rejected,
            Kind::Undecodable,
            Kind::UnknownVersion,
            Kind::Claimed,
            Kind::NotTried,
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let others = [headwater_broker::Refused::NotHeld.code(), headwater_broker::Refused::NoGroup.code()];
        for code in kinds.map(Kind::code).into_iter().chain(others) {
            let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect(code);
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        }
    }

    #[test]
    fn any_error_is_a_failure_that_is_retried() {
        fn handle() -> Outcome {
            "x".parse::<u8>()?;
            Ok(())
        }
        let failure = handle().unwrap_err();
        assert_eq!((failure.kind(), failure.after()), (Kind::Failed, None));
        assert_eq!(failure.to_string(), "handler-failed: invalid digit found in string");
    }
}
