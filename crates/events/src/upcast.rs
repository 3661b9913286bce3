//! Old versions of payloads brought to newer ones, step by step.

use std::collections::HashMap;

use serde_json::Value;

use crate::{Code, Data, Event, EventError, catalogue::split_version};

/// One step: a payload of one version as the next.
pub type Upcast = fn(Value) -> Result<Value, String>;

/// Steps from version to version, applied until there is none left.
///
/// Each step is a pure function from a payload to a payload. `id`, `time` and all other attributes stay as they are.
///
/// ```
/// use headwater_events::{Event, upcast::Upcasters};
/// use serde_json::json;
/// let upcasters = Upcasters::new().with("order.placed.v1", "order.placed.v2", |mut data| {
///     data["currency"] = json!("EUR");
///     Ok(data)
/// }).unwrap();
/// let old = Event::builder("/shop", "order.placed.v1").subject("o-1").data(&json!({"total": 3})).build().unwrap();
/// let new = upcasters.apply(&old).unwrap();
/// assert_eq!(new.ty(), "order.placed.v2");
/// assert_eq!(new.data_as::<serde_json::Value>().unwrap(), json!({"total": 3, "currency": "EUR"}));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Upcasters {
    steps: HashMap<String, (String, Upcast)>,
}

/// A step that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A step must lead from one version of a type to a higher one of the same.
    #[error("`{from}` cannot become `{to}`: a step leads to a higher version of the same type")]
    NotHigher {
        /// The type it leads from.
        from: String,
        /// The type it leads to.
        to: String,
    },
    /// Two steps lead from one type.
    #[error("`{from}` has a step already")]
    Twice {
        /// The type both lead from.
        from: String,
    },
}

impl Upcasters {
    /// No steps: every event is as new as it gets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step.
    ///
    /// # Errors
    /// Refuses a step that does not lead to a higher version of the same type, and a second one from the same type.
    pub fn with(mut self, from: &str, to: &str, step: Upcast) -> Result<Self, Error> {
        let ((old, Some(low)), (new, Some(high))) = (split_version(from), split_version(to)) else {
            return Err(Error::NotHigher { from: from.to_owned(), to: to.to_owned() });
        };
        if old != new || low >= high {
            return Err(Error::NotHigher { from: from.to_owned(), to: to.to_owned() });
        }
        if self.steps.insert(from.to_owned(), (to.to_owned(), step)).is_some() {
            return Err(Error::Twice { from: from.to_owned() });
        }
        Ok(self)
    }

    /// A payload and its type at the newest version there is a way to.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where a step cannot read its payload.
    pub fn upcast(&self, ty: &str, data: Value) -> Result<(String, Value), EventError> {
        let (mut ty, mut data) = (ty.to_owned(), data);
        // Versions only rise, so this ends.
        while let Some((to, step)) = self.steps.get(&ty) {
            data = step(data).map_err(|why| {
                EventError::attribute(
                    Code::InvalidData,
                    "data",
                    format!("cannot go from `{ty}` to `{to}`: {why}"),
                )
            })?;
            ty.clone_from(to);
        }
        Ok((ty, data))
    }

    /// An event at the newest version there is a way to: itself where there is none. A `dataschema` of the old version
    /// is left out.
    ///
    /// # Errors
    /// As [`Upcasters::upcast`].
    pub fn apply(&self, event: &Event) -> Result<Event, EventError> {
        if !self.steps.contains_key(event.ty()) {
            return Ok(event.clone());
        }
        let data = match event.data() {
            Data::None => Value::Null,
            Data::Json(_) => event.data_as()?,
            Data::Binary(_) => {
                return Err(EventError::attribute(
                    Code::InvalidData,
                    "data",
                    "must be JSON to go to a newer version",
                ));
            }
        };
        let (ty, data) = self.upcast(event.ty(), data)?;
        let mut inner = event.inner().without_json();
        inner.ty = ty.into();
        inner.dataschema = None;
        inner.data = if data.is_null() { Data::None } else { Data::Json(data.to_string().into()) };
        Ok(Event::from_inner(inner))
    }
}
