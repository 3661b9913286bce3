//! What a run knows: named values, each with a rule for how changes of it come together.

mod reducer;
mod update;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use reducer::{ReduceError, Reducer};
pub use update::Update;

/// What a run knows. Nodes see it as it was when their step began; what they change comes together when the step is over,
/// in the order in which the graph names its nodes: so the same run gives the same state, however its nodes race.
///
/// Cloning copies a pointer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    values: Arc<BTreeMap<String, Value>>,
    version: u64,
}

impl State {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more value, for what a run begins with.
    ///
    /// # Panics
    /// The value cannot be JSON: a map whose keys are not texts.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a value that JSON can hold");
        Arc::make_mut(&mut self.values).insert(key.into(), value);
        self
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The value of a key as a type. `Ok(None)` where there is none.
    ///
    /// # Errors
    /// The value is not of that type.
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, serde_json::Error> {
        self.values.get(key).map(T::deserialize).transpose()
    }

    /// The text of a key; empty where there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_str).unwrap_or("")
    }

    /// How often it has changed.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// As one JSON object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect())
    }

    /// Takes a JSON object as a state; anything else is under `input`.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        let values = match value {
            Value::Object(map) => map.into_iter().collect(),
            Value::Null => BTreeMap::new(),
            other => BTreeMap::from([("input".to_owned(), other)]),
        };
        Self { values: Arc::new(values), version: 0 }
    }

    /// Applies the updates of a step in their order and gives the keys that have another value now.
    pub(crate) fn apply<'a>(
        &mut self,
        updates: impl IntoIterator<Item = &'a Update>,
        rule: impl Fn(&str) -> Reducer,
    ) -> Result<Vec<String>, ReduceError> {
        let mut values = (*self.values).clone();
        let mut changed = Vec::new();
        for (key, value) in updates.into_iter().flat_map(Update::iter) {
            let old = values.remove(key);
            let new = rule(key).reduce(key, old.clone(), value.clone())?;
            if old.as_ref() != Some(&new) && !changed.iter().any(|have| have == key) {
                changed.push(key.to_owned());
            }
            values.insert(key.to_owned(), new);
        }
        if !changed.is_empty() {
            self.version += 1;
            self.values = Arc::new(values);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn updates_come_together_by_the_rule_of_each_key() {
        let mut state = State::new().with("list", [1]).with("sum", 1).with("last", "a");
        let rule = |key: &str| match key {
            "list" => Reducer::Append,
            "sum" => Reducer::Sum,
            "map" => Reducer::Merge,
            _ => Reducer::Replace,
        };
        let one = Update::new().set("list", 2).set("sum", 2).set("map", json!({ "a": 1 })).set("last", "b");
        let two = Update::new().set("list", [3, 4]).set("sum", 0.5).set("map", json!({ "b": 2 }));
        let mut changed = state.apply([&one, &two], rule).unwrap();
        changed.sort();
        assert_eq!(changed, ["last", "list", "map", "sum"]);
        let expected = json!({ "last": "b", "list": [1, 2, 3, 4], "map": { "a": 1, "b": 2 }, "sum": 3.5 });
        assert_eq!((state.to_value(), state.version()), (expected, 1));
        assert!(state.apply([&Update::new().set("last", "b")], rule).unwrap().is_empty());
        assert_eq!(state.version(), 1, "nothing changed");
    }

    #[test]
    fn a_value_that_does_not_fit_its_rule_changes_nothing() {
        let mut state = State::new().with("sum", 1);
        let before = state.clone();
        let error = state.apply([&Update::new().set("sum", "x")], |_| Reducer::Sum).unwrap_err();
        assert_eq!(error.to_string(), "`sum` is summed up and cannot take a string");
        assert_eq!(state, before);
    }
}
