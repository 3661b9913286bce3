//! The routing index: which rings want a record, by tenant and stream.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicUsize},
};

use headwater_events::{Class, Position, Scope, StreamName, Tenant};
use headwater_store::Record;

use super::Ring;

/// Rings by what they want, and how far the log has been followed.
pub(super) struct Routes {
    tenants: HashMap<Tenant, TenantRoutes>,
    /// Every record up to here was routed.
    position: Position,
}

#[derive(Default)]
struct TenantRoutes {
    /// One ring for each scope that has readers, with how many.
    scopes: HashMap<Scope, (Arc<Ring>, usize)>,
    /// The rings of each stream.
    streams: HashMap<StreamName, Vec<Arc<Ring>>>,
    /// The rings of the tenant's durable events.
    durable: Vec<Arc<Ring>>,
}

impl Routes {
    pub(super) fn new(position: Position) -> Self {
        Self { tenants: HashMap::new(), position }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// The ring of a scope, made where there is none; one more reader.
    pub(super) fn register(&mut self, scope: &Scope, capacity: usize, bytes: &Arc<AtomicUsize>) -> Arc<Ring> {
        let position = self.position;
        let tenant = self.tenants.entry(scope.tenant().clone()).or_default();
        if let Some((ring, readers)) = tenant.scopes.get_mut(scope) {
            *readers += 1;
            return Arc::clone(ring);
        }
        let ring = Arc::new(Ring::new(position, capacity, Arc::clone(bytes)));
        tenant.scopes.insert(scope.clone(), (Arc::clone(&ring), 1));
        for stream in streams_of(scope) {
            tenant.streams.entry(stream.clone()).or_default().push(Arc::clone(&ring));
        }
        if matches!(scope, Scope::Tenant(_)) {
            tenant.durable.push(Arc::clone(&ring));
        }
        ring
    }

    /// One reader less; the last one takes the ring with it.
    pub(super) fn leave(&mut self, scope: &Scope, ring: &Arc<Ring>) {
        let Some(tenant) = self.tenants.get_mut(scope.tenant()) else {
            return;
        };
        let Some((_, readers)) = tenant.scopes.get_mut(scope) else {
            return;
        };
        *readers -= 1;
        if *readers > 0 {
            return;
        }
        tenant.scopes.remove(scope);
        for stream in streams_of(scope) {
            if let Some(rings) = tenant.streams.get_mut(stream) {
                rings.retain(|other| !Arc::ptr_eq(other, ring));
                if rings.is_empty() {
                    tenant.streams.remove(stream);
                }
            }
        }
        tenant.durable.retain(|other| !Arc::ptr_eq(other, ring));
        if tenant.scopes.is_empty() {
            self.tenants.remove(scope.tenant());
        }
    }

    /// Puts a batch into the rings that want it and gives those rings, each once.
    pub(super) fn route(&mut self, batch: &[Record]) -> Vec<Arc<Ring>> {
        let mut touched: Vec<Arc<Ring>> = Vec::new();
        for record in batch.iter().filter(|record| record.position() > self.position) {
            let event = record.event();
            let Some(tenant) = self.tenants.get(event.tenant().unwrap_or("default")) else {
                continue;
            };
            if record.class() == Class::Internal {
                continue;
            }
            let of_stream = tenant.streams.get(event.stream()).map_or(&[][..], Vec::as_slice);
            let of_tenant = if record.class() == Class::Durable { &tenant.durable[..] } else { &[] };
            for ring in of_stream.iter().chain(of_tenant) {
                if ring.push(record) {
                    touched.push(Arc::clone(ring));
                }
            }
        }
        if let Some(last) = batch.last() {
            self.position = self.position.max(last.position());
        }
        touched
    }

    /// The log was not followed up to `to`: every reader must read it there.
    pub(super) fn skip_to(&mut self, to: Position) {
        self.position = self.position.max(to);
        for ring in self.rings() {
            ring.skip_to(to);
            ring.wake();
        }
    }

    /// The log begins anew, behind `from`: every reader must begin again.
    pub(super) fn reset(&mut self, from: Position) {
        self.position = from;
        for ring in self.rings() {
            ring.reset(from);
            ring.wake();
        }
    }

    pub(super) fn deleted(&self, tenant: &Tenant, stream: &StreamName, to: Position) {
        let Some(routes) = self.tenants.get(tenant) else { return };
        let of_stream = routes.streams.get(stream).map_or(&[][..], Vec::as_slice);
        for ring in of_stream.iter().chain(&routes.durable) {
            ring.deleted(stream, to);
        }
    }

    pub(super) fn close(&self) {
        for ring in self.rings() {
            ring.close();
        }
    }

    fn rings(&self) -> impl Iterator<Item = &Arc<Ring>> {
        self.tenants.values().flat_map(|tenant| tenant.scopes.values().map(|(ring, _)| ring))
    }
}

fn streams_of(scope: &Scope) -> &[StreamName] {
    match scope {
        Scope::Stream(_, stream) => std::slice::from_ref(stream),
        Scope::Streams(_, streams) => streams,
        Scope::Tenant(_) | Scope::Feed(_) => &[],
    }
}
