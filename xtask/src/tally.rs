//! Adding up what `cargo test` reports.

use std::fmt;

/// How many tests passed, failed and were left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// How many of the next `passed` did nothing.
    hollow: u64,
}

impl Tally {
    /// Takes a line of output into account if it is a `test result:` line, or tells of a test that did nothing.
    pub(crate) fn see(&mut self, line: &str) {
        // Written by `headwater_test_servers::need`. The harness counts the test as passed.
        if line.starts_with("SKIPPED ") {
            self.skipped += 1;
            self.hollow += 1;
        }
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        for part in counts.split(['.', ';']) {
            let Some((number, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number.saturating_sub(std::mem::take(&mut self.hollow)),
                "failed" => self.failed += number,
                // What a filter left out was not run either.
                "ignored" | "filtered out" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// A step that cargo does not count failed, or ended without a result.
    pub(crate) fn fail(&mut self) {
        self.failed += 1;
    }

    /// Whether a change may go in.
    pub(crate) fn good(&self, strict: bool) -> bool {
        self.passed > 0 && self.failed == 0 && !(strict && self.skipped > 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_result_lines_and_nothing_else() {
        let mut tally = Tally::default();
        tally.see("running 12 tests");
        tally.see(
            "test result: ok. 11 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.50s",
        );
        tally.see("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.25s");
        tally.see("test a::b ... ok");
        assert_eq!(tally.to_string(), "13 passed, 3 failed, 5 skipped");
    }

    #[test]
    fn a_test_without_its_server_was_skipped() {
        let mut tally = Tally::default();
        tally.see("SKIPPED a_test: redis-server is not installed");
        tally.see("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(tally.to_string(), "2 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn a_failure_is_never_good_and_a_skip_only_outside_ci() {
        let of = |passed, failed, skipped| Tally { passed, failed, skipped, hollow: 0 };
        assert!(of(1, 0, 0).good(true));
        assert!(of(1, 0, 1).good(false));
        assert!(!of(1, 0, 1).good(true));
        assert!(!of(1, 1, 0).good(false));
        assert!(!of(0, 0, 0).good(false), "nothing run proves nothing");
    }
}
