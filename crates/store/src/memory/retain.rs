//! What goes, and when.

use std::{collections::HashMap, time::Duration};

use headwater_events::{Class, Lane, Position, StreamName, Tenant};

use super::{
    log::Log,
    stream::{Gone, Kind, StreamId},
};
use crate::{GapReason, Limits};

/// How many streams that have nothing left, and how many names of runs that were taken whole, are remembered.
const MAX_REMEMBERED: usize = 65_536;

impl Log {
    /// Removes what the limits do not keep. Costs nothing to speak of where nothing is due.
    pub(super) fn enforce(&mut self, now: i64) {
        self.enforce_kind(Kind::Durable, self.retention.durable, self.max_bytes - self.max_bytes / 4, now);
        let free = self.max_bytes.saturating_sub(self.orders[Kind::Durable as usize].weight);
        self.enforce_kind(Kind::Transient, self.retention.transient, free, now);
        if let Some(after) = self.retention.transient_after_end {
            for id in self.ended_before(0, now, after) {
                while self.pop(id, Kind::Transient) {}
                self.note_if_empty(id);
            }
        }
        if let Some(after) = self.retention.run_after_end {
            let ids = self.ended_before(1, now, after);
            self.take_runs(&ids, GapReason::Retention);
        }
        self.forget_old();
        let Self { orders, streams, .. } = self;
        for (order, kind) in orders.iter_mut().zip([Kind::Durable, Kind::Transient]) {
            order.sweep(|position, id| {
                streams
                    .get(&id)
                    .and_then(|s| s.oldest(kind))
                    .is_some_and(|oldest| oldest.position() <= position)
            });
        }
    }

    fn enforce_kind(&mut self, kind: Kind, limits: Limits, max_weight: usize, now: i64) {
        let max_events = limits.max_events.map_or(usize::MAX, saturate);
        let max_size = limits.max_bytes.map_or(usize::MAX, saturate);
        let max_age = limits.max_age.map(millis);
        loop {
            let order = &self.orders[kind as usize];
            let Some((position, id)) = order.oldest() else {
                break;
            };
            let oldest = self.streams.get(&id).and_then(|stream| stream.oldest(kind));
            let Some(oldest) = oldest.filter(|oldest| oldest.position() == position) else {
                self.orders[kind as usize].pop();
                continue;
            };
            let over = order.events > max_events
                || order.size > max_size
                // The newest event stays, however large.
                || (order.weight > max_weight && order.events > 1)
                || max_age.is_some_and(|max| now.saturating_sub(oldest.stored_at_ms()) > max);
            if !over {
                break;
            }
            self.orders[kind as usize].pop();
            self.pop(id, kind);
            self.note_if_empty(id);
        }
    }

    /// Takes the oldest of a kind out of a stream and what refers to it.
    fn pop(&mut self, id: StreamId, kind: Kind) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else {
            return false;
        };
        let Some(record) = stream.pop(kind) else {
            return false;
        };
        self.orders[kind as usize].forget(&record);
        if record.class() == Class::Durable {
            // The oldest durable event of all is the oldest wherever it is referred to.
            self.lanes[usize::from(stream.lane.0)].drop_to(record.position());
            if let Some(tenant) = self.tenants.get_mut(&stream.tenant) {
                tenant.refs.drop_to(record.position());
                if let Some(lane) = tenant.lanes.get_mut(&stream.lane) {
                    lane.drop_to(record.position());
                }
            }
        }
        true
    }

    /// The runs that have been over for that long; each is given once.
    fn ended_before(&mut self, queue: usize, now: i64, after: Duration) -> Vec<StreamId> {
        let mut due = Vec::new();
        while let Some(&(at, id, position)) = self.ended[queue].front() {
            if now.saturating_sub(at) <= millis(after) {
                break;
            }
            self.ended[queue].pop_front();
            // Not the run that went on since.
            if self.streams.get(&id).is_some_and(|stream| stream.run.ended == Some(position)) {
                due.push(id);
            }
        }
        due
    }

    /// Deletes a stream; gives whether there was one.
    pub(super) fn remove(&mut self, tenant: &Tenant, name: &StreamName) -> bool {
        let Some((id, _)) = self.find(tenant, name) else {
            return false;
        };
        self.take_runs(&[id], GapReason::Deleted);
        self.forget_old();
        true
    }

    /// Takes whole runs, with one walk over each index that refers to them.
    fn take_runs(&mut self, ids: &[StreamId], reason: GapReason) {
        let told = reason != GapReason::Deleted;
        let mut places: HashMap<(Tenant, Lane), Vec<Position>> = HashMap::new();
        for id in ids {
            let Some(stream) = self.streams.remove(id) else {
                continue;
            };
            let durable = stream.kept(Kind::Durable).filter(|record| record.class() == Class::Durable);
            places
                .entry((stream.tenant.clone(), stream.lane))
                .or_default()
                .extend(durable.map(crate::Record::position));
            for kind in [Kind::Durable, Kind::Transient] {
                stream.kept(kind).for_each(|record| self.orders[kind as usize].forget(record));
            }
            let tenant = self.tenants.entry(stream.tenant.clone()).or_default();
            tenant.names.remove(&stream.name);
            tenant.gone.insert(stream.name.clone(), Gone { to: stream.run.last, reason });
            self.gone.push_back((stream.tenant, stream.name, stream.run.last));
        }
        let mut tenants: HashMap<Tenant, Vec<Position>> = HashMap::new();
        let mut lanes: HashMap<Lane, Vec<Position>> = HashMap::new();
        for ((tenant, lane), mut positions) in places {
            positions.sort_unstable();
            if let Some(refs) = self.tenants.get_mut(&tenant).and_then(|tenant| tenant.lanes.get_mut(&lane)) {
                refs.take_out(&positions, told);
            }
            lanes.entry(lane).or_default().extend(&positions);
            tenants.entry(tenant).or_default().extend(&positions);
        }
        for (lane, mut positions) in lanes {
            positions.sort_unstable();
            self.lanes[usize::from(lane.0)].take_out(&positions, told);
        }
        for (tenant, mut positions) in tenants {
            positions.sort_unstable();
            if let Some(tenant) = self.tenants.get_mut(&tenant) {
                tenant.refs.take_out(&positions, told);
            }
        }
    }

    fn note_if_empty(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get(&id).filter(|stream| stream.is_empty()) {
            self.emptied.push_back((id, stream.run.last));
        }
    }

    /// Bounds what is remembered of runs that are no more.
    fn forget_old(&mut self) {
        while self.emptied.len() > MAX_REMEMBERED {
            let Some((id, last)) = self.emptied.pop_front() else {
                break;
            };
            // Not if it went on since.
            let Some(stream) = self.streams.get(&id).filter(|s| s.is_empty() && s.run.last == last) else {
                continue;
            };
            if let Some(tenant) = self.tenants.get_mut(&stream.tenant) {
                tenant.names.remove(&stream.name);
            }
            self.streams.remove(&id);
            self.forgotten = self.forgotten.max(last);
        }
        while self.gone.len() > MAX_REMEMBERED {
            let Some((tenant, name, to)) = self.gone.pop_front() else {
                break;
            };
            if let Some(tenant) = self.tenants.get_mut(&tenant)
                && tenant.gone.get(&name).is_some_and(|gone| gone.to == to)
            {
                tenant.gone.remove(&name);
            }
            self.forgotten = self.forgotten.max(to);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn saturate(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
