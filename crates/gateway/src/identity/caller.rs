//! Somebody whose credential was accepted.

use std::{fmt, sync::Arc};

use headwater_broker::Item;
use headwater_events::{Event, Scope, StreamName, Tenant};
use jiff::Timestamp;

use super::{
    grant::{Right, Rights},
    refused,
};
use crate::problem::Problem;

/// A tenant, and rights inside it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(super) tenant: Tenant,
    pub(super) rights: Arc<Rights>,
    /// From when on the credential means nothing.
    pub(super) until: Option<Timestamp>,
    pub(super) by: By,
}

/// What the caller showed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum By {
    /// Nothing: nobody is asked here.
    Nothing,
    /// An API key, and the hash of the secret that was shown.
    Key { id: Arc<str>, hash: [u8; 32] },
    /// A JSON Web Token, which is judged again when keys change.
    Token { text: Arc<str> },
    /// A ticket; of the key that asked for it, where it was one.
    Ticket { key: Option<Arc<str>> },
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No credential ends up in a log.
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Key { .. } => "Key",
            Self::Token { .. } => "Token",
            Self::Ticket { .. } => "Ticket",
        })
    }
}

impl Caller {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant, where the caller has this right.
    pub(crate) fn may(&self, right: Right) -> Result<&Tenant, Problem> {
        if self.rights.allow(right) {
            return Ok(&self.tenant);
        }
        Err(refused::forbidden(format!("this needs the scope `{right}`")))
    }

    /// The tenant, where the caller has this right for a stream. It is asked before anything is looked up.
    pub(crate) fn may_in(&self, right: Right, stream: &StreamName) -> Result<&Tenant, Problem> {
        self.may(right)?;
        if self.rights.stream(stream.as_str()) {
            return Ok(&self.tenant);
        }
        Err(refused::forbidden(format!("this is not allowed in the stream `{stream}`")))
    }

    /// Whether a scope may be read. Of a tenant only what the caller sees is shown afterwards.
    pub(crate) fn may_read(&self, scope: &Scope) -> Result<(), Problem> {
        match scope {
            Scope::Stream(_, stream) => self.may_in(Right::Subscribe, stream).map(drop),
            Scope::Streams(_, streams) => {
                streams.iter().try_for_each(|stream| self.may_in(Right::Subscribe, stream).map(drop))
            }
            Scope::Tenant(_) | Scope::Feed(_) => self.may(Right::Subscribe).map(drop),
        }
    }

    /// The tenant, where the caller has this right for groups: they share all there is of a tenant.
    pub(crate) fn may_share(&self, right: Right) -> Result<&Tenant, Problem> {
        self.may(right)?;
        if self.rights.sees_all() {
            return Ok(&self.tenant);
        }
        Err(refused::forbidden(
            "groups share a whole tenant: a credential for some streams or types is not enough",
        ))
    }

    /// Whether the caller stands above tenants.
    pub(crate) fn may_everywhere(&self) -> Result<(), Problem> {
        self.may_share(Right::Admin)?;
        if self.rights.tenants().is_all() {
            return Ok(());
        }
        Err(refused::forbidden("this is for administrators of all tenants"))
    }

    /// Whether an event may be published, the `index`th of its batch.
    pub(crate) fn may_publish(&self, index: usize, event: &Event) -> Result<(), Problem> {
        if !self.rights.stream(event.stream()) {
            return Err(refused::event(
                index,
                "stream",
                "events of this stream are not the caller's to publish",
            ));
        }
        if !self.rights.publishes(event) {
            return Err(refused::event(index, "type", "events of this type are not the caller's to publish"));
        }
        Ok(())
    }

    /// Whether the caller sees everything that a scope they may read has.
    pub(crate) fn sees_all(&self) -> bool {
        self.rights.sees_all()
    }

    pub(crate) fn sees(&self, event: &Event) -> bool {
        self.rights.sees(event)
    }

    pub(crate) fn sees_stream(&self, stream: &StreamName) -> bool {
        self.rights.stream(stream.as_str())
    }

    /// Whether the caller is shown an item of a subscription.
    pub(crate) fn sees_item(&self, item: &Item) -> bool {
        match item {
            Item::Event(delivery) => self.sees(delivery.event()),
            Item::Gap(gap) => gap.stream.as_ref().is_none_or(|stream| self.sees_stream(stream)),
            Item::CaughtUp(_) | Item::End(_) => true,
        }
    }
}
