//! Which names a grant covers: whole names, and prefixes that end in `*`.

/// A list of patterns; an empty one covers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// Checks each pattern: letters of a name, and one `*` at its end or none.
    ///
    /// # Errors
    /// Names the pattern.
    pub(crate) fn new(patterns: &[String], check: impl Fn(&str) -> bool) -> Result<Self, String> {
        for pattern in patterns {
            let stem = pattern.strip_suffix('*').unwrap_or(pattern);
            // What follows the prefix is a name's business; a prefix alone has only to be made of its letters.
            let is_one = if stem.is_empty() { pattern == "*" } else { check(stem) };
            if !is_one {
                return Err(format!("`{pattern}` is no pattern: write a name, or a prefix and `*`"));
            }
        }
        Ok(Self(patterns.to_vec()))
    }

    /// Whether a name is covered.
    pub(crate) fn cover(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => pattern == name,
        })
    }

    /// Whether every name that `pattern` covers is covered.
    pub(crate) fn cover_all_of(&self, pattern: &str) -> bool {
        let Some(stem) = pattern.strip_suffix('*') else {
            return self.cover(pattern);
        };
        self.0.iter().any(|own| own.strip_suffix('*').is_some_and(|own| stem.starts_with(own)))
    }

    /// Whether everything is covered.
    pub(crate) fn is_all(&self) -> bool {
        self.0.iter().any(|pattern| pattern == "*")
    }

    /// The one name that is covered, where it is one.
    pub(crate) fn only(&self) -> Option<&str> {
        match &self.0[..] {
            [name] if !name.ends_with('*') => Some(name),
            _ => None,
        }
    }

    pub(crate) fn patterns(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Names {
        let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
        Names::new(&patterns, |name| !name.contains(['/', '*'])).unwrap()
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it_and_a_name_only_itself() {
        let names = names(&["wf-*", "exact"]);
        assert!(names.cover("wf-") && names.cover("wf-42") && names.cover("exact"));
        assert!(!names.cover("wf") && !names.cover("exact2") && !names.cover(""));
        assert!(!Names::default().cover("anything"));
    }

    #[test]
    fn a_pattern_is_covered_only_where_every_name_of_it_is() {
        let names = names(&["wf-*", "exact"]);
        assert!(names.cover_all_of("wf-4*") && names.cover_all_of("wf-*") && names.cover_all_of("exact"));
        assert!(!names.cover_all_of("w*") && !names.cover_all_of("exact*") && !names.cover_all_of("*"));
    }

    #[test]
    fn other_patterns_are_refused() {
        for pattern in ["", "a*b", "**", "a/b"] {
            assert!(
                Names::new(&[pattern.to_owned()], |name| !name.contains(['/', '*'])).is_err(),
                "{pattern}"
            );
        }
    }
}
