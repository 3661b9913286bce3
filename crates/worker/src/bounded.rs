//! Labels of metrics that come from outside, in a limited number.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// Gives back the values it has seen first, and [`Bounded::OTHER`] for all beyond its limit: whoever invents types or
/// tenants must not be able to fill the memory of those who count them.
#[derive(Debug)]
pub struct Bounded {
    limit: usize,
    seen: Mutex<HashSet<Arc<str>>>,
    other: Arc<str>,
}

impl Bounded {
    /// The label of everything beyond the limit. No type, tenant or group is called so: their names have no space.
    pub const OTHER: &str = "(other)";

    /// At most this many values, and the one for all others.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, seen: Mutex::default(), other: Self::OTHER.into() }
    }

    /// The label for a value.
    pub fn label(&self, value: &str) -> Arc<str> {
        // Nothing under this lock can panic half-way through a change.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.get(value) {
            return Arc::clone(known);
        }
        if seen.len() >= self.limit {
            return Arc::clone(&self.other);
        }
        let label: Arc<str> = value.into();
        seen.insert(Arc::clone(&label));
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_first_keeps_its_label_and_the_rest_shares_one() {
        let bounded = Bounded::new(2);
        let labels: Vec<_> =
            ["a", "b", "c", "a", "d"].into_iter().map(|value| bounded.label(value)).collect();
        let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
        assert_eq!(labels, ["a", "b", Bounded::OTHER, "a", Bounded::OTHER]);
    }
}
