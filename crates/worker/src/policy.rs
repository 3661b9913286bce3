//! What becomes of an event that was not handled, by the kind of its failure.

use std::time::Duration;

use headwater_broker::Verdict;

use crate::{Backoff, Failure, Kind, Random};

/// What is done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Try again after the policy's backoff, as long as the event has attempts left.
    Retry,
    /// Try again after this backoff.
    RetryWith(Backoff),
    /// Give it up now: a dead letter.
    Reject,
    /// Hand it back with the attempt not spent.
    Release,
}

/// What is done about each kind of failure.
///
/// Unless told otherwise: what is undecodable, of an unknown version or rejected is given up at once, what was not
/// tried is handed back, everything else is retried.
#[derive(Debug, Clone)]
pub struct Policy {
    backoff: Backoff,
    rules: Vec<(Kind, Action)>,
}

impl Policy {
    /// The default policy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long retries wait where neither the failure nor a rule says it.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What is done about one kind of failure.
    #[must_use]
    pub fn on(mut self, kind: Kind, action: Action) -> Self {
        self.rules.retain(|(known, _)| *known != kind);
        self.rules.push((kind, action));
        self
    }

    /// What is done about a kind of failure.
    #[must_use]
    pub fn action(&self, kind: Kind) -> Action {
        let rule = self.rules.iter().find(|(known, _)| *known == kind).map(|(_, action)| *action);
        rule.unwrap_or(match kind {
            Kind::Rejected | Kind::Undecodable | Kind::UnknownVersion => Action::Reject,
            Kind::NotTried => Action::Release,
            _ => Action::Retry,
        })
    }

    /// What is said to the group of an event that failed at its try number `attempt`.
    #[must_use]
    pub fn verdict(&self, failure: &Failure, attempt: u32, random: &Random) -> Verdict {
        let backoff = match self.action(failure.kind) {
            Action::Retry => self.backoff,
            Action::RetryWith(backoff) => backoff,
            Action::Reject => return Verdict::Reject { reason: failure.to_string() },
            Action::Release => return Verdict::Release,
        };
        let after = failure.after.unwrap_or_else(|| backoff.after(attempt, random.fraction()));
        Verdict::Retry { after, reason: Some(failure.to_string()) }
    }
}

impl Default for Policy {
    /// Retries wait from half a second to a minute.
    fn default() -> Self {
        Self { backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)), rules: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_action_and_rules_go_before() {
        let random = Random::seeded(1);
        let policy = Policy::new()
            .on(Kind::Panicked, Action::Reject)
            .on(Kind::Named("busy"), Action::Release)
            .on(Kind::Named("busy"), Action::RetryWith(Backoff::new(Duration::ZERO, Duration::ZERO)));
        let verdict = |failure: &Failure| policy.verdict(failure, 1, &random);
        assert_eq!(
            verdict(&Failure::new(Kind::Panicked, "oh")),
            Verdict::Reject { reason: "handler-panicked: oh".into() }
        );
        assert_eq!(verdict(&Failure::release("no")), Verdict::Release);
        assert_eq!(
            verdict(&Failure::new(Kind::Named("busy"), "b")),
            Verdict::Retry { after: Duration::ZERO, reason: Some("busy: b".into()) }
        );
        let after = Duration::from_secs(9);
        assert!(
            matches!(verdict(&Failure::retry_after(after, "x")), Verdict::Retry { after: a, .. } if a == after)
        );
        for kind in [Kind::Rejected, Kind::Undecodable, Kind::UnknownVersion] {
            assert!(matches!(verdict(&Failure::new(kind, "x")), Verdict::Reject { .. }), "{kind:?}");
        }
    }
}
