//! What belongs to a scope.

use headwater_events::{Class, Classes, Lane, lane_of};
use headwater_store::{Error, ReadScope, Record};

use crate::names::run_key;

/// A read scope as its lane, and what of the lane belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) lane: Lane,
    key: Key,
    classes: Classes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// A record's whole key.
    Run(String),
    /// How a record's key starts.
    Tenant(String),
    /// Any.
    All,
}

impl Wanted {
    pub(crate) fn new(scope: &ReadScope, lanes: u16) -> Result<Self, Error> {
        match scope {
            ReadScope::Stream(tenant, stream, classes) => Ok(Self {
                lane: lane_of(tenant.as_str(), stream.as_str(), lanes),
                key: Key::Run(run_key(tenant.as_str(), stream.as_str())),
                classes: classes.classes(),
            }),
            ReadScope::Lane(lane) => Ok(Self { lane: *lane, key: Key::All, classes: Classes::DURABLE }),
            ReadScope::TenantLane(tenant, lane) => {
                let key = Key::Tenant(run_key(tenant.as_str(), ""));
                Ok(Self { lane: *lane, key, classes: Classes::DURABLE })
            }
            ReadScope::Tenant(_) => {
                Err(Error::Unsupported { what: "one order over a tenant's lanes (tenant_order)".into() })
            }
        }
    }

    /// Whether a record with this key belongs to the scope, if its class does.
    pub(crate) fn has_key(&self, key: &[u8]) -> bool {
        match &self.key {
            Key::Run(run) => key == run.as_bytes(),
            Key::Tenant(tenant) => key.starts_with(tenant.as_bytes()),
            Key::All => true,
        }
    }

    pub(crate) fn has_class(&self, class: Class) -> bool {
        self.classes.contains(class)
    }

    /// Whether a record belongs to the scope.
    pub(crate) fn has(&self, record: &Record) -> bool {
        let is_of = || match &self.key {
            Key::Run(run) => {
                let stream = record.event().stream();
                let rest = run.strip_prefix(record.tenant()).and_then(|rest| rest.strip_prefix('/'));
                rest == Some(stream)
            }
            Key::Tenant(tenant) => tenant.strip_suffix('/') == Some(record.tenant()),
            Key::All => true,
        };
        self.has_class(record.class()) && is_of()
    }
}
