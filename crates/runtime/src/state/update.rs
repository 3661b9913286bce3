//! What a node changes.

use serde::Serialize;
use serde_json::Value;

/// What a node changes. Each value meets the old one by the rule ([`Reducer`](super::Reducer)) that the graph has for its
/// key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    values: Vec<(String, Value)>,
}

impl Update {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One value more.
    ///
    /// # Panics
    /// The value cannot be JSON: a map whose keys are not texts.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a value that JSON can hold");
        self.values.push((key.into(), value));
        self
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// As one JSON object, for people.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.values.iter().cloned().collect())
    }
}

impl From<()> for Update {
    fn from((): ()) -> Self {
        Self::new()
    }
}
