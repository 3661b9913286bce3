//! From events to the function that handles their type.

use std::{collections::HashMap, fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use headwater_events::{Code, Data, Event, EventError, EventType, catalogue, upcast::Upcasters, validate};

use crate::{Context, Failure, Handler, Kind, Outcome};

/// A handler that is made of handlers by type.
///
/// An event is first brought to the newest version that the upcasters lead to. Then it goes to the handler of exactly
/// its type. What only differs in its version is given up with `unknown-version`: a newer producer is at work, and
/// guessing at its payload would be worse. Every other type goes to [`Routes::otherwise`], or is acked unseen.
#[derive(Clone, Default)]
pub struct Routes {
    by_type: HashMap<String, Arc<dyn Handler>>,
    upcasters: Upcasters,
    otherwise: Option<Arc<dyn Handler>>,
}

impl Routes {
    /// No types yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles events of one type with their payload. A payload that is not what the type promises, by its schema or by
    /// its struct, is given up with `undecodable`.
    #[must_use]
    pub fn on<T, F, R>(self, function: F) -> Self
    where
        T: EventType + Send,
        F: Fn(T, Context) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.on_type(T::TYPE, Typed { function, payload: PhantomData })
    }

    /// Handles events of exactly this type, such as `order.placed.v2`, as they are.
    #[must_use]
    pub fn on_type(mut self, ty: &str, handler: impl Handler) -> Self {
        self.by_type.insert(ty.to_owned(), Arc::new(handler));
        self
    }

    /// Handles every other type.
    #[must_use]
    pub fn otherwise(mut self, handler: impl Handler) -> Self {
        self.otherwise = Some(Arc::new(handler));
        self
    }

    /// Brings old versions to newer ones before they are handled.
    #[must_use]
    pub fn upcasters(mut self, upcasters: Upcasters) -> Self {
        self.upcasters = upcasters;
        self
    }

    /// The version of a type that has a handler, where this one has none.
    fn other_version(&self, ty: &str) -> Option<&str> {
        let (name, version) = catalogue::split_version(ty);
        version?;
        self.by_type.keys().find(|known| catalogue::split_version(known).0 == name).map(String::as_str)
    }
}

#[async_trait]
impl Handler for Routes {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let event = self
            .upcasters
            .apply(event)
            .map_err(|error| Failure::new(Kind::Undecodable, error.to_string()))?;
        if let Some(handler) = self.by_type.get(event.ty()) {
            return handler.handle(&event, context).await;
        }
        if let Some(known) = self.other_version(event.ty()) {
            let why = format!("`{}` cannot be handled, only `{known}` can", event.ty());
            return Err(Failure::new(Kind::UnknownVersion, why));
        }
        match &self.otherwise {
            Some(handler) => handler.handle(&event, context).await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("types", &self.by_type.keys()).finish_non_exhaustive()
    }
}

struct Typed<T, F> {
    function: F,
    payload: PhantomData<fn() -> T>,
}

#[async_trait]
impl<T, F, R> Handler for Typed<T, F>
where
    T: EventType + Send,
    F: Fn(T, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let payload = validate::data(event).and_then(|()| match event.data() {
            // As with the schema: no payload is one without members.
            Data::None if event.dataref().is_none() => serde_json::from_str("{}")
                .map_err(|error| EventError::attribute(Code::InvalidData, "data", error.to_string())),
            _ => event.data_as::<T>(),
        });
        let payload = payload.map_err(|error| Failure::new(Kind::Undecodable, error.to_string()))?;
        (self.function)(payload, context.clone()).await
    }
}
