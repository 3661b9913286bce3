//! The envelope: CloudEvents 1.0 with Headwater's extensions.

pub(crate) mod attribute;
mod builder;
pub(crate) mod decode;
pub(crate) mod encode;
mod inner;
pub(crate) mod json;
mod stored;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use bytestring::ByteString;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

pub use builder::Builder;
pub(crate) use inner::Inner;

use crate::{Class, Code, EventError, EventType, Mark, NameError, StreamName, Tenant, catalogue};

/// One event: immutable, shared, its JSON encoded at most once however many read it.
///
/// Cloning copies a pointer. Equality compares the encoded form.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

/// The payload of an event.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Data {
    /// No `data`.
    #[default]
    None,
    /// A JSON value, kept as its text on one line.
    Json(ByteString),
    /// Bytes that are not JSON (`data_base64`).
    Binary(Bytes),
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Json(text) => f.write_str(text),
            Self::Binary(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl Event {
    /// Starts an event with a new UUIDv7 id and the present time.
    pub fn builder(source: impl Into<String>, ty: impl Into<String>) -> Builder {
        Builder::new(source.into(), ty.into())
    }

    /// Starts an event with a typed payload; its type is the payload's.
    ///
    /// ```
    /// use headwater_events::{Event, catalogue::WorkflowProgressed, catalogue::Percentage};
    /// let payload = WorkflowProgressed::new(Percentage::clamped(40.0)).message("auditing");
    /// let event = Event::of("/agents/coordinator", "wf-42", &payload).build().unwrap();
    /// assert_eq!(event.ty(), "workflow.progressed.v1");
    /// ```
    pub fn of<T: EventType>(source: impl Into<String>, subject: impl Into<String>, payload: &T) -> Builder {
        Builder::new(source.into(), T::TYPE.to_owned()).subject(subject).data(payload)
    }

    /// Reads one CloudEvent in structured JSON from outside: every attribute is checked.
    ///
    /// The event keeps slices of `json`; a payload that spans lines is put on one.
    ///
    /// # Errors
    /// Names the attribute and the reason; see [`Code`].
    pub fn from_json(json: impl Into<Bytes>) -> Result<Self, EventError> {
        decode::foreign(json.into()).map(Self::from_inner)
    }

    /// Reads an event that [`Event::json`] wrote, from a store. Attributes are not checked again, the payload is taken
    /// as it stands, and the bytes become the encoded form: that they are whole is for the store to know.
    ///
    /// # Errors
    /// The bytes are not what [`Event::json`] writes.
    pub fn from_stored(json: Bytes) -> Result<Self, EventError> {
        stored::stored(json).map(Self::from_inner)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A builder that starts from this event.
    pub fn to_builder(&self) -> Builder {
        Builder::from_event(self)
    }

    /// The event at home: its tenant and stream set to these, and `time` to `now` where it has none. It is encoded, and
    /// holds nothing but its encoded form.
    ///
    /// A clone of the pointer where nothing changes, which is so for events that were homed before.
    #[must_use]
    pub fn with_home(&self, tenant: &Tenant, stream: &StreamName, now: Timestamp) -> Self {
        let at_home = self.tenant() == Some(tenant.as_str())
            && self.0.stream.as_deref() == Some(stream.as_str())
            && self.0.time.is_some();
        if at_home && self.encoded().is_some() {
            return self.clone();
        }
        let now = if self.0.time.is_none() { attribute::millis(now).map(ByteString::from) } else { None };
        let mut texts = self.0.texts();
        texts[inner::TENANT].1 = Some(tenant.text());
        texts[inner::STREAM].1 = Some(stream.text());
        texts[inner::TIME].1 = texts[inner::TIME].1.or(now.as_ref());
        Self::from_inner(encode::settle(&self.0, &texts))
    }

    /// The event as structured CloudEvents JSON on one line, encoded once.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        self.0.json.get_or_init(|| encode::json(&self.0))
    }

    /// What [`Event::json`] gives, where it was made already.
    #[must_use]
    pub fn encoded(&self) -> Option<&Bytes> {
        self.0.json.get()
    }

    /// `id`: unique inside its `source`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// `source`: who emitted it, such as `/agents/coordinator`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// `type`, such as `workflow.started.v1`.
    #[must_use]
    pub fn ty(&self) -> &str {
        &self.0.ty
    }

    /// `subject`: the path of the entity inside its run, such as `wf-42/task/t-7`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// `time`: when it was created.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.0.time.as_deref().and_then(|t| t.parse().ok())
    }

    /// `time` as text: RFC 3339, UTC, milliseconds.
    #[must_use]
    pub fn time_text(&self) -> Option<&str> {
        self.0.time.as_deref()
    }

    /// `datacontenttype`; JSON where absent.
    #[must_use]
    pub fn datacontenttype(&self) -> Option<&str> {
        self.0.datacontenttype.as_deref()
    }

    /// `dataschema`.
    #[must_use]
    pub fn dataschema(&self) -> Option<&str> {
        self.0.dataschema.as_deref()
    }

    /// `dataref`: where a large payload is kept (the claim check extension).
    #[must_use]
    pub fn dataref(&self) -> Option<&str> {
        self.0.dataref.as_deref()
    }

    /// The tenant as written; see [`Event::tenant_name`].
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// The tenant, `default` where the event names none.
    ///
    /// # Errors
    /// The name is not one; events that were checked have none of those.
    pub fn tenant_name(&self) -> Result<Tenant, NameError> {
        self.0.tenant.clone().map_or_else(|| Ok(Tenant::default()), Tenant::new)
    }

    /// The root run: the `stream` extension, else the first segment of `subject`.
    ///
    /// # Errors
    /// [`Code::MissingStream`] where there is neither, [`Code::InvalidStream`] where the name is not one.
    pub fn stream_name(&self) -> Result<StreamName, EventError> {
        let (attribute, name) = match (&self.0.stream, &self.0.subject) {
            (Some(stream), _) => ("stream", stream.clone()),
            (None, Some(subject)) => {
                let first = subject.split('/').next().unwrap_or("");
                ("subject", subject.slice_ref(first))
            }
            (None, None) => {
                return Err(EventError::attribute(
                    Code::MissingStream,
                    "stream",
                    "set `stream`, or a `subject` whose first segment is the run",
                ));
            }
        };
        StreamName::new(name)
            .map_err(|e| EventError::attribute(Code::InvalidStream, attribute, e.to_string()))
    }

    /// The stream as written, else the first segment of `subject`, else empty.
    #[must_use]
    pub fn stream(&self) -> &str {
        match (&self.0.stream, &self.0.subject) {
            (Some(stream), _) => stream,
            (None, Some(subject)) => subject.split('/').next().unwrap_or(""),
            (None, None) => "",
        }
    }

    /// `sequence`: dense over the durable events of one emitter in one stream.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.0.sequence
    }

    /// `traceparent` (W3C trace context).
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.0.traceparent.as_deref()
    }

    /// `tracestate` (W3C trace context).
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.0.tracestate.as_deref()
    }

    /// `correlationid`.
    #[must_use]
    pub fn correlationid(&self) -> Option<&str> {
        self.0.correlationid.as_deref()
    }

    /// `causationid`: the id of the event that caused this one.
    #[must_use]
    pub fn causationid(&self) -> Option<&str> {
        self.0.causationid.as_deref()
    }

    /// Every other extension: its name and its JSON value (a string, an integer or a boolean).
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.extensions.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The payload.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.0.data
    }

    /// The payload as a typed value.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where there is no JSON payload or it does not fit.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        let Data::Json(text) = &self.0.data else {
            return Err(EventError::attribute(Code::InvalidData, "data", "has no JSON payload"));
        };
        serde_json::from_str(text)
            .map_err(|e| EventError::attribute(Code::InvalidData, "data", e.to_string()))
    }

    /// The class by the catalogue: durable for types outside it.
    #[must_use]
    pub fn class(&self) -> Class {
        catalogue::class_of(self.ty())
    }

    /// What the event does to its run: only one whose subject is the stream itself opens or ends it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let root = match (&self.0.subject, &self.0.stream) {
            (Some(subject), Some(stream)) => subject == stream,
            (Some(subject), None) => !subject.contains('/'),
            (None, _) => true,
        };
        if root { catalogue::mark_of(self.ty()) } else { Mark::None }
    }
}

/// Appends an attribute's value to a text as a JSON string. It has no control characters, since those are refused: only
/// quotes and backslashes are escaped.
pub fn push_json_string(out: &mut String, value: &str) {
    encode::string(out, value);
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.json() == other.json()
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.json()))
    }
}

impl serde::Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(self.json()).map_err(serde::ser::Error::custom)?;
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(s)
    }
}

impl<'de> serde::Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(d)?;
        Self::from_json(Bytes::from(String::from(Box::<str>::from(raw)))).map_err(serde::de::Error::custom)
    }
}
