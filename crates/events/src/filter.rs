//! The one matcher: which events a reader asked for.

use std::fmt;

use crate::{Event, catalogue, dialect};

/// Which events pass. Empty lists pass everything; the lists are joined by *and*, the patterns inside one by *or*.
///
/// A type pattern is matched token by token (tokens are separated by dots), without regard to case or surrounding
/// space:
///
/// * `workflow` passes `workflow.started.v1` and `workflow.task.created.v1`: a prefix of whole tokens;
/// * `workflow.started` passes every version of it; `workflow.started.v1` only that one;
/// * `*` stands for exactly one token (`*.failed`); alone, anywhere in a list, it stands for everything;
/// * a name of another dialect (`WORKFLOW_STARTED`, `workflow.task.created`) also passes the type it means by the
///   catalogue, and the stream types `token` and `progress` pass every type of their sort: `token` model deltas,
///   `progress` what has `progressed`.
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
    /// What the type patterns mean in our own names, where that is something else.
    meanings: Vec<String>,
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
/// The stream types that stand for a sort of events.
const SORTS: [(&str, &[&str]); 2] =
    [("token", &["llm.delta"]), ("progress", &["workflow.progressed", "task.progressed"])];

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

    /// Adds a comma-separated list of type patterns; one with `*` in it passes every type.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_types(mut self, list: &str) -> Result<Self, FilterError> {
        parse("types", list, Some('.'), str::to_ascii_lowercase, &mut self.types)?;
        self.meanings = self.types.iter().flat_map(|pattern| meanings(pattern)).collect();
        Ok(self)
    }

    /// Adds a comma-separated list of subject patterns.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_subjects(mut self, list: &str) -> Result<Self, FilterError> {
        parse("subject", list, Some('/'), str::to_owned, &mut self.subjects)?;
        Ok(self)
    }

    /// Adds a comma-separated list of sources.
    ///
    /// # Errors
    /// As [`Filter::types`].
    pub fn and_sources(mut self, list: &str) -> Result<Self, FilterError> {
        parse("source", list, None, str::to_owned, &mut self.sources)?;
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
        (any(&self.types, |p| tokens_match(p, ty, '.', true))
            || self.meanings.iter().any(|p| tokens_match(p, ty, '.', true)))
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

/// What a type pattern means in our own names, where those are others.
fn meanings(pattern: &str) -> Vec<String> {
    if let Some((_, sorts)) = SORTS.iter().find(|(word, _)| *word == pattern) {
        return sorts.iter().map(|&s| s.to_owned()).collect();
    }
    let (name, version) = catalogue::split_version(pattern);
    // A category or a name of ours keeps its plain meaning: `interrupt` is not another dialect's word for something.
    if catalogue::lookup_name(name).is_some() || catalogue::all().any(|entry| entry.category() == name) {
        return Vec::new();
    }
    let versioned = |entry: &catalogue::Entry| match version {
        Some(version) => format!("{}.v{version}", entry.name),
        None => entry.name.to_owned(),
    };
    dialect::canonical(name).map(versioned).into_iter().collect()
}

fn parse(
    list_name: &'static str,
    list: &str,
    separator: Option<char>,
    normal: impl Fn(&str) -> String,
    into: &mut Vec<String>,
) -> Result<(), FilterError> {
    let refuse = |pattern: &str, reason| {
        let pattern = pattern.chars().filter(|c| !c.is_control()).take(64).collect();
        Err(FilterError { list: list_name, pattern, reason })
    };
    let patterns = || list.split(',').map(str::trim).filter(|p| !p.is_empty());
    for pattern in patterns() {
        if pattern.len() > MAX_PATTERN {
            return refuse(pattern, "longer than 512 bytes");
        }
        if pattern.chars().any(char::is_control) {
            return refuse(pattern, "has a control character");
        }
        if let Some(separator) = separator {
            let tokens = without_tail(pattern, separator);
            if tokens.split(separator).any(str::is_empty) {
                return refuse(pattern, "has an empty token");
            }
            if tokens.split(separator).any(|token| token != "*" && token.contains('*')) {
                return refuse(pattern, "`*` stands for a whole token");
            }
        }
    }
    let tokens = |pattern| separator.map_or(pattern, |separator| without_tail(pattern, separator));
    if patterns().any(|p| tokens(p) == "*") {
        into.clear();
        return Ok(());
    }
    for pattern in patterns() {
        let tokens = tokens(pattern);
        let pattern = normal(tokens);
        if into.contains(&pattern) {
            continue;
        }
        if into.len() == MAX_PATTERNS {
            return refuse(tokens, "more than 64 patterns");
        }
        into.push(pattern);
    }
    Ok(())
}

/// A pattern without the separator that may end it.
fn without_tail(pattern: &str, separator: char) -> &str {
    pattern.strip_suffix(separator).unwrap_or(pattern).trim_end()
}
