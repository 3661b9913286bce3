//! An event on its way to the server.

use async_nats::HeaderMap;
use bytes::Bytes;
use headwater_events::{StreamName, Tenant, lane_of};
use headwater_store::Append;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    codec::{HEADER, MSG_ID, header},
    log::Identity,
    names::Names,
};

/// An event, ready to be sent as often as it takes.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) subject: String,
    /// By this the server recognizes the event.
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) tenant: Tenant,
    pub(super) stream: StreamName,
    pub(super) stored_at: i64,
    header: String,
}

impl Item {
    pub(super) fn new(append: Append, names: &Names, identity: Identity, stored_at: i64) -> Self {
        let Append { event, tenant, stream, class, mark } = append;
        let lane = lane_of(tenant.as_str(), stream.as_str(), identity.lanes);
        let mut hash = Xxh3::with_seed(identity.seed);
        for part in [tenant.as_str(), event.source(), event.id()] {
            // The lengths keep apart what is cut elsewhere.
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            subject: names.event(&tenant, lane, class, mark, &stream),
            id: format!("{:032x}", hash.digest128()),
            payload: event.json().clone(),
            tenant,
            stream,
            stored_at,
            header: header(mark, stored_at),
        }
    }

    /// The event was stored in an earlier life of its stream, which was taken up to `gone`: it is sent as another one.
    pub(super) fn renew(&mut self, gone: u64) {
        let plain = self.id.split('.').next().unwrap_or_default();
        self.id = format!("{plain}.{gone}");
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(MSG_ID, self.id.as_str());
        headers.insert(HEADER, self.header.as_str());
        headers
    }
}
