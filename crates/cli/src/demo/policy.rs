//! What the agents make: a rate-limit policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A token bucket: so many requests at once, so many a second in the long run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Which door it guards.
    pub(crate) name: String,
    /// Whom a bucket is for.
    pub(crate) per: String,
    /// How many requests a second refill the bucket.
    pub(crate) rate: f64,
    /// How many requests the bucket holds.
    pub(crate) burst: f64,
}

/// What a load met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Met {
    /// Requests that passed.
    pub(crate) passed: u32,
    /// Requests that were held back.
    pub(crate) held: u32,
}

impl Policy {
    /// What is wrong with it.
    pub(crate) fn lint(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if self.rate <= 0.0 {
            findings.push("rate must be above 0".to_owned());
        }
        if self.burst < 1.0 {
            findings.push(format!("burst is {}: no request ever passes", self.burst));
        } else if self.burst > self.rate * 60.0 {
            findings.push("burst is more than a minute of rate".to_owned());
        }
        findings
    }

    /// Plays a load against it: so many requests a second, evenly, for so many seconds.
    pub(crate) fn simulate(&self, per_second: u32, seconds: u32) -> Met {
        let mut met = Met { passed: 0, held: 0 };
        let mut bucket = self.burst;
        let step = self.rate / f64::from(per_second.max(1));
        for _ in 0..per_second * seconds {
            if bucket >= 1.0 {
                bucket -= 1.0;
                met.passed += 1;
            } else {
                met.held += 1;
            }
            bucket = (bucket + step).min(self.burst);
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rate: f64, burst: f64) -> Policy {
        Policy { name: "api".into(), per: "client".into(), rate, burst }
    }

    #[test]
    fn lint_finds_what_never_passes() {
        assert_eq!(policy(50.0, 0.0).lint().len(), 1);
        assert_eq!(policy(50.0, 0.0).simulate(10, 1), Met { passed: 0, held: 10 });
        assert!(policy(50.0, 100.0).lint().is_empty());
    }

    #[test]
    fn a_bucket_lets_the_burst_and_then_the_rate_pass() {
        assert_eq!(policy(50.0, 100.0).simulate(40, 10), Met { passed: 400, held: 0 });
        let met = policy(50.0, 100.0).simulate(200, 10);
        assert!((595..=605).contains(&met.passed), "{met:?}");
    }
}
