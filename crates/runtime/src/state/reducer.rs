//! How changes of one value come together.

use std::fmt;

use serde_json::{Map, Number, Value};

/// How a change meets the value there is.
#[derive(Clone, Copy, Default)]
pub enum Reducer {
    /// The last change wins, in the order in which the graph names its nodes.
    #[default]
    Replace,
    /// Values are put behind each other in a list; a list is put there value by value.
    Append,
    /// Members of objects are put together; of the same one the last wins.
    Merge,
    /// Numbers are added.
    Sum,
    /// A function of your own, with a name by which it is the same or another one.
    Custom(&'static str, fn(Option<Value>, Value) -> Result<Value, String>),
}

/// A change does not fit the rule of its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {detail}")]
pub struct ReduceError {
    /// Which key.
    pub key: String,
    /// What is wrong.
    pub detail: String,
}

impl Reducer {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Merge => "merge",
            Self::Sum => "sum",
            Self::Custom(name, _) => name,
        }
    }

    pub(crate) fn reduce(&self, key: &str, old: Option<Value>, new: Value) -> Result<Value, ReduceError> {
        let wrong = |detail: String| ReduceError { key: key.to_owned(), detail };
        let unfit = |rule: &str, value: &Value| wrong(format!("{rule} and cannot take {}", kind(value)));
        match self {
            Self::Replace => Ok(new),
            Self::Append => {
                let mut list = match old {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list,
                    Some(one) => vec![one],
                };
                match new {
                    Value::Array(more) => list.extend(more),
                    one => list.push(one),
                }
                Ok(Value::Array(list))
            }
            Self::Merge => match (old.unwrap_or_else(|| Value::Object(Map::new())), new) {
                (Value::Object(mut have), Value::Object(more)) => {
                    have.extend(more);
                    Ok(Value::Object(have))
                }
                (Value::Object(_), other) | (other, _) => Err(unfit("is merged", &other)),
            },
            Self::Sum => match (old.unwrap_or_else(|| Value::from(0)), new) {
                (Value::Number(a), Value::Number(b)) => {
                    add(&a, &b).ok_or_else(|| wrong("is too large".to_owned()))
                }
                (Value::Number(_), other) | (other, _) => Err(unfit("is summed up", &other)),
            },
            Self::Custom(_, function) => function(old, new).map_err(wrong),
        }
    }
}

fn add(a: &Number, b: &Number) -> Option<Value> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.checked_add(b).map(Value::from);
    }
    Number::from_f64(a.as_f64()? + b.as_f64()?).map(Value::Number)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl PartialEq for Reducer {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Reducer {}

impl fmt::Debug for Reducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
