//! The one matcher: which events a reader asked for.

use std::fmt;

use crate::Event;

/// Which events pass. Empty lists pass everything; the lists are joined by *and*, the patterns inside one by *or*.
///
/// A type pattern is matched token by token (tokens are separated by dots), without regard to case or surrounding
/// space:
///
/// * `workflow` passes `workflow.started.v1` and `workflow.task.created.v1`: a prefix of whole tokens;
/// * `workflow.started` passes every version of it; `workflow.started.v1` only that one;
/// * `*` stands for exactly one token (`*.failed`), and alone, or as an empty pattern, for everything.
///
/// A subject pattern is the same over tokens separated by `/`, and case matters there. A source matches as a whole
/// or as a prefix of whole `/` tokens.
///
/// ```
/// use headwater_events::{Event, Filter};
/// let filter = Filter::types("llm, workflow.completed").unwrap();
/// let delta = Event::builder("/agents/a", "llm.delta.v1").subject("wf-1").build().unwrap();
/// let other = Event::builder("/agents/a", "llmx.delta.v1").subject("wf-1").build().unwrap();
/// assert!(filter.matches(&delta));
/// assert!(!filter.matches(&other));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    types: Vec<String>,
    subjects: Vec<String>,
    sources: Vec<String>,
}

/// A pattern that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad {list} pattern `{pattern}`: {reason}")]
pub struct FilterError {
    list: &'static str,
    pattern: String,
    reason: &'static str,
}

/// How many patterns one list may have.
const MAX_PATTERNS: usize = 64;
/// How long one pattern may be, in bytes.
const MAX_PATTERN: usize = 512;

impl Filter {
    /// Passes everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Parses a comma-separated list of type patterns.
    ///
    /// # Errors
    /// Refuses control characters, empty tokens, over 64 patterns or one over 512 bytes.
    pub fn types(list: &str) -> Result<Self, FilterError> {
        Self::all().and_types(list)
    }

    /// Adds a comma-separated list of type patterns.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_types(mut self, list: &str) -> Result<Self, FilterError> {
        parse("types", list, '.', |p| p.to_ascii_lowercase(), &mut self.types)?;
        Ok(self)
    }

    /// Adds a comma-separated list of subject patterns.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_subjects(mut self, list: &str) -> Result<Self, FilterError> {
        parse("subject", list, '/', str::to_owned, &mut self.subjects)?;
        Ok(self)
    }

    /// Adds a comma-separated list of sources.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_sources(mut self, list: &str) -> Result<Self, FilterError> {
        parse("source", list, '\0', str::to_owned, &mut self.sources)?;
        Ok(self)
    }

    /// Whether the filter passes everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.types.is_empty() && self.subjects.is_empty() && self.sources.is_empty()
    }

    /// The type patterns, as a query would carry them.
    #[must_use]
    pub fn types_list(&self) -> String {
        self.types.join(",")
    }

    /// The subject patterns, as a query would carry them.
    #[must_use]
    pub fn subjects_list(&self) -> String {
        self.subjects.join(",")
    }

    /// The source patterns, as a query would carry them.
    #[must_use]
    pub fn sources_list(&self) -> String {
        self.sources.join(",")
    }

    /// Whether the event passes.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.matches_parts(event.ty(), event.subject().unwrap_or(""), event.source())
    }

    /// Whether an event with these attributes passes.
    #[must_use]
    pub fn matches_parts(&self, ty: &str, subject: &str, source: &str) -> bool {
        any(&self.types, |p| tokens_match(p, ty, '.', true))
            && any(&self.subjects, |p| tokens_match(p, subject, '/', false))
            && any(&self.sources, |p| prefix_of_tokens(p, source, '/'))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "types={} subject={} source={}",
            self.types_list(),
            self.subjects_list(),
            self.sources_list()
        )
    }
}

fn any(patterns: &[String], matches: impl Fn(&str) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(|p| matches(p))
}

/// Whether `pattern` names `text` or a prefix of whole tokens of it.
fn tokens_match(pattern: &str, text: &str, separator: char, fold: bool) -> bool {
    if !pattern.contains('*') && !fold {
        return prefix_of_tokens(pattern, text, separator);
    }
    let mut rest = text.split(separator);
    pattern.split(separator).all(|want| match rest.next() {
        Some(have) => want == "*" || want == have || (fold && want.eq_ignore_ascii_case(have)),
        None => false,
    })
}

fn prefix_of_tokens(pattern: &str, text: &str, separator: char) -> bool {
    text.strip_prefix(pattern)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator) || pattern.ends_with(separator))
}

fn parse(
    list_name: &'static str,
    list: &str,
    separator: char,
    normal: impl Fn(&str) -> String,
    into: &mut Vec<String>,
) -> Result<(), FilterError> {
    let refuse = |pattern: &str, reason| {
        Err(FilterError {
            list: list_name,
            pattern: pattern.chars().take(64).collect(),
            reason,
        })
    };
    for pattern in list
        .split(',')
        .map(str::trim)
        .filter(|p| !p.is_empty() && *p != "*")
    {
        if pattern.len() > MAX_PATTERN {
            return refuse(pattern, "longer than 512 bytes");
        }
        if pattern.chars().any(char::is_control) {
            return refuse(pattern, "has a control character");
        }
        if separator != '\0'
            && pattern
                .trim_matches(separator)
                .split(separator)
                .any(str::is_empty)
        {
            return refuse(pattern, "has an empty token");
        }
        let pattern = if separator == '\0' {
            pattern
        } else {
            pattern.trim_end_matches(separator)
        };
        if into.len() == MAX_PATTERNS {
            return refuse(pattern, "more than 64 patterns");
        }
        into.push(normal(pattern));
    }
    Ok(())
}
