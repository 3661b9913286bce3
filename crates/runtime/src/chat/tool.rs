//! Tools: async functions that a model may call.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

type Call = dyn Fn(Value) -> BoxFuture<'static, Result<Value, ToolFailure>> + Send + Sync;

/// An async function that a model may call. What it may be called with follows from the type of its arguments.
///
/// ```
/// use headwater_runtime::Tool;
///
/// /// Where the weather is wanted.
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Place {
///     /// The city.
///     city: String,
/// }
///
/// let weather = Tool::new("weather", "The weather in a city, now.", async |place: Place| {
///     Ok::<_, std::convert::Infallible>(format!("sunny in {}", place.city))
/// });
/// assert_eq!(weather.name(), "weather");
/// ```
#[derive(Clone)]
pub struct Tool {
    name: String,
    description: String,
    schema: Value,
    call: Arc<Call>,
}

/// Why a call of a tool gave nothing. The model is told, and may call again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolFailure {
    /// The arguments are no JSON, or do not fit.
    #[error("the arguments do not fit: {0}")]
    Misfit(String),
    /// The tool failed.
    #[error("{0}")]
    Failed(String),
    /// There is no such tool.
    #[error("there is no tool `{0}`")]
    Unknown(String),
}

impl Tool {
    /// A tool that calls `function` with what the model gives.
    pub fn new<A, F, R, T, E>(name: impl Into<String>, description: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: fmt::Display,
    {
        let call = move |arguments: Value| -> BoxFuture<'static, Result<Value, ToolFailure>> {
            let arguments = match A::deserialize(arguments) {
                Ok(arguments) => arguments,
                Err(error) => return Box::pin(async move { Err(ToolFailure::Misfit(error.to_string())) }),
            };
            let work = AssertUnwindSafe(function(arguments)).catch_unwind();
            Box::pin(async move {
                let outcome = work.await.map_err(|_| ToolFailure::Failed("the tool panicked".to_owned()))?;
                let value = outcome.map_err(|error| ToolFailure::Failed(error.to_string()))?;
                serde_json::to_value(value).map_err(|error| ToolFailure::Failed(error.to_string()))
            })
        };
        let mut schema = SchemaGenerator::default().into_root_schema_for::<A>();
        schema.remove("$schema");
        schema.remove("title");
        Self {
            name: name.into(),
            description: description.into(),
            schema: schema.into(),
            call: Arc::new(call),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JSON Schema of its arguments.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Calls it with arguments as a model writes them.
    ///
    /// # Errors
    /// What the model is told.
    pub async fn call(&self, arguments: &str) -> Result<Value, ToolFailure> {
        (self.call)(parsed(arguments)?).await
    }

    /// In the form of the interface.
    pub(super) fn to_wire(&self) -> Value {
        json!({ "type": "function", "function": {
            "name": self.name, "description": self.description, "parameters": self.schema,
        } })
    }
}

/// Arguments as JSON. A model that has none to give may write nothing.
pub(super) fn parsed(arguments: &str) -> Result<Value, ToolFailure> {
    if arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_str(arguments).map_err(|error| ToolFailure::Misfit(error.to_string()))
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}
