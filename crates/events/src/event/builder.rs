//! Making events in a program.

use bytes::Bytes;
use bytestring::ByteString;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Data, Event, Inner, attribute, decode, encode, json as json_text};
use crate::{Code, EventError, StreamName, Tenant};

/// Builds an [`Event`]; [`Builder::build`] checks it.
#[derive(Clone)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder {
    event: Inner,
    time: Option<Timestamp>,
    error: Option<EventError>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("type", &self.event.ty)
            .field("source", &self.event.source)
            .finish_non_exhaustive()
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(mut self, value: impl Into<String>) -> Self {
            self.event.$name = Some(ByteString::from(value.into()));
            self
        }
    )+};
}

impl Builder {
    pub(super) fn new(source: String, ty: String) -> Self {
        let event = Inner { source: source.into(), ty: ty.into(), ..Inner::default() };
        Self { event, time: None, error: None }
    }

    pub(super) fn from_event(event: &Event) -> Self {
        Self { event: event.inner().without_json(), time: None, error: None }
    }

    /// Sets `id`; else a new UUIDv7.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.event.id = ByteString::from(id.into());
        self
    }

    /// Sets `time`; else the present. Kept in UTC to the millisecond.
    pub fn time(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets the tenant.
    pub fn tenant(mut self, tenant: &Tenant) -> Self {
        self.event.tenant = Some(ByteString::from(tenant.as_str()));
        self
    }

    /// Sets the stream, the root run.
    pub fn stream(mut self, stream: &StreamName) -> Self {
        self.event.stream = Some(ByteString::from(stream.as_str()));
        self
    }

    setters! {
        /// Sets `subject`, the path of the entity inside its run.
        subject,
        /// Sets `datacontenttype`; JSON where absent.
        datacontenttype,
        /// Sets `dataschema`.
        dataschema,
        /// Sets `dataref`.
        dataref,
        /// Sets `traceparent`.
        traceparent,
        /// Sets `tracestate`.
        tracestate,
        /// Sets `correlationid`.
        correlationid,
        /// Sets `causationid`.
        causationid,
    }

    /// Sets `sequence`.
    pub fn sequence(mut self, sequence: u64) -> Self {
        self.event.sequence = Some(sequence);
        self
    }

    /// Sets another extension, as a string. The name is 1 to 64 of `a-z 0-9` and none that has its own setter.
    pub fn extension(mut self, name: &str, value: &str) -> Self {
        match self.event.check_extension(name).and_then(|()| encode::extension(name, value)) {
            Ok(json) => {
                self.event.extensions.retain(|(have, _)| have != name);
                self.event.extensions.push((ByteString::from(name), json));
                self.event.extensions.sort_unstable();
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Sets the payload from a serializable value; what becomes `null` is none.
    pub fn data(mut self, data: &impl Serialize) -> Self {
        match serde_json::to_string(data) {
            Ok(json) => {
                let json = ByteString::from(json);
                self.event.data = json_text::payload(&json, &json);
            }
            Err(e) => {
                self.error.get_or_insert(EventError::attribute(Code::InvalidData, "data", e.to_string()));
            }
        }
        self
    }

    /// Sets the payload from JSON text; `null` is none.
    pub fn data_json(mut self, json: impl Into<ByteString>) -> Self {
        let json = json.into();
        match serde_json::from_str::<&serde_json::value::RawValue>(&json) {
            Ok(raw) => self.event.data = json_text::payload(&json, raw.get()),
            Err(e) => {
                self.error.get_or_insert(EventError::attribute(Code::InvalidData, "data", e.to_string()));
            }
        }
        self
    }

    /// Sets a payload that is not JSON.
    pub fn data_bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.event.data = Data::Binary(bytes.into());
        self
    }

    /// Checks and makes the event.
    ///
    /// # Errors
    /// The first thing that is wrong, with its attribute.
    // The one place that reads the clock and draws an id: both can be given instead.
    #[allow(clippy::disallowed_methods)]
    pub fn build(mut self) -> Result<Event, EventError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.event.id.is_empty() {
            self.event.id = ByteString::from(Uuid::now_v7().to_string());
        }
        if self.time.is_some() || self.event.time.is_none() {
            let time = self.time.unwrap_or_else(Timestamp::now);
            let text = attribute::millis(time).ok_or_else(|| {
                EventError::attribute(Code::InvalidAttribute, "time", "must be in the years 0 to 9999")
            })?;
            self.event.time = Some(ByteString::from(text));
        }
        decode::check(&self.event)?;
        Ok(Event::from_inner(self.event))
    }
}
