//! What an event is made of.

use std::sync::OnceLock;

use bytes::Bytes;
use bytestring::ByteString;

use super::{Data, attribute};
use crate::{Code, EventError};

/// The attributes of an event, shared behind [`Event`](super::Event).
#[derive(Clone, Default)]
pub(crate) struct Inner {
    pub(crate) id: ByteString,
    pub(crate) source: ByteString,
    pub(crate) ty: ByteString,
    pub(crate) subject: Option<ByteString>,
    /// RFC 3339 in UTC with milliseconds.
    pub(crate) time: Option<ByteString>,
    pub(crate) datacontenttype: Option<ByteString>,
    pub(crate) dataschema: Option<ByteString>,
    pub(crate) dataref: Option<ByteString>,
    pub(crate) tenant: Option<ByteString>,
    pub(crate) stream: Option<ByteString>,
    pub(crate) sequence: Option<u64>,
    pub(crate) traceparent: Option<ByteString>,
    pub(crate) tracestate: Option<ByteString>,
    pub(crate) correlationid: Option<ByteString>,
    pub(crate) causationid: Option<ByteString>,
    /// Every other extension: name and JSON value (string, integer or boolean), sorted by name.
    pub(crate) extensions: Vec<(ByteString, ByteString)>,
    pub(crate) data: Data,
    pub(crate) json: OnceLock<Bytes>,
}

/// The text attributes with their names, in the order in which they are written.
pub(crate) type Texts<'a> = [(&'static str, Option<&'a ByteString>); TEXTS];

pub(crate) const TEXTS: usize = 14;
/// Where these stand among the text attributes.
pub(crate) const TIME: usize = 4;
pub(crate) const TENANT: usize = 8;
pub(crate) const STREAM: usize = 9;

impl Inner {
    pub(crate) fn texts(&self) -> Texts<'_> {
        [
            ("id", Some(&self.id)),
            ("source", Some(&self.source)),
            ("type", Some(&self.ty)),
            ("subject", self.subject.as_ref()),
            ("time", self.time.as_ref()),
            ("datacontenttype", self.datacontenttype.as_ref()),
            ("dataschema", self.dataschema.as_ref()),
            ("dataref", self.dataref.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("stream", self.stream.as_ref()),
            ("traceparent", self.traceparent.as_ref()),
            ("tracestate", self.tracestate.as_ref()),
            ("correlationid", self.correlationid.as_ref()),
            ("causationid", self.causationid.as_ref()),
        ]
    }

    /// The places of the text attributes, in the same order.
    pub(crate) fn slots(&mut self) -> [Slot<'_>; TEXTS] {
        [
            Slot::Required(&mut self.id),
            Slot::Required(&mut self.source),
            Slot::Required(&mut self.ty),
            Slot::Optional(&mut self.subject),
            Slot::Optional(&mut self.time),
            Slot::Optional(&mut self.datacontenttype),
            Slot::Optional(&mut self.dataschema),
            Slot::Optional(&mut self.dataref),
            Slot::Optional(&mut self.tenant),
            Slot::Optional(&mut self.stream),
            Slot::Optional(&mut self.traceparent),
            Slot::Optional(&mut self.tracestate),
            Slot::Optional(&mut self.correlationid),
            Slot::Optional(&mut self.causationid),
        ]
    }

    /// The place of an attribute that is text and has one.
    pub(crate) fn slot(&mut self, name: &str) -> Option<Slot<'_>> {
        Some(match name {
            "id" => Slot::Required(&mut self.id),
            "source" => Slot::Required(&mut self.source),
            "type" => Slot::Required(&mut self.ty),
            "subject" => Slot::Optional(&mut self.subject),
            "time" => Slot::Optional(&mut self.time),
            "datacontenttype" => Slot::Optional(&mut self.datacontenttype),
            "dataschema" => Slot::Optional(&mut self.dataschema),
            "dataref" => Slot::Optional(&mut self.dataref),
            "tenant" => Slot::Optional(&mut self.tenant),
            "stream" => Slot::Optional(&mut self.stream),
            "traceparent" => Slot::Optional(&mut self.traceparent),
            "tracestate" => Slot::Optional(&mut self.tracestate),
            "correlationid" => Slot::Optional(&mut self.correlationid),
            "causationid" => Slot::Optional(&mut self.causationid),
            _ => return None,
        })
    }

    /// Refuses a name that cannot be an extension's, or is an attribute of ours.
    pub(crate) fn check_extension(&mut self, name: &str) -> Result<(), EventError> {
        attribute::extension_name(name)?;
        if self.slot(name).is_some() || matches!(name, "specversion" | "sequence" | "data") {
            return Err(EventError::attribute(
                Code::InvalidAttribute,
                name,
                "is not an extension: set it by its own name",
            ));
        }
        Ok(())
    }

    /// A copy to be changed: it has not been encoded yet.
    pub(crate) fn without_json(&self) -> Self {
        let mut copy = self.clone();
        copy.json = OnceLock::new();
        copy
    }
}

/// Where a text attribute is kept.
pub(crate) enum Slot<'a> {
    Required(&'a mut ByteString),
    Optional(&'a mut Option<ByteString>),
}

impl Slot<'_> {
    pub(crate) fn put(self, value: ByteString) {
        match self {
            Self::Required(slot) => *slot = value,
            Self::Optional(slot) => *slot = Some(value),
        }
    }
}
