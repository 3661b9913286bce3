//! A worker's instruments, looked up once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use headwater_broker::{Group, GroupGap};
use metrics::{Counter, Gauge, counter, gauge};

use super::status::Report;
use crate::{Kind, metric_definitions as definitions};

pub(crate) struct Meters {
    group: String,
    ok: Counter,
    pub(crate) busy: Gauge,
    pub(crate) connected: Gauge,
    pub(crate) broker_errors: Counter,
    lost_leases: Counter,
    succeeded: AtomicU64,
    failed: AtomicU64,
    released: AtomicU64,
    lost: AtomicU64,
    cut_off: AtomicU64,
}

impl Meters {
    pub(crate) fn new(group: &Group) -> Self {
        let group = group.name.to_string();
        Self {
            ok: counter!(definitions::HANDLED, "group" => group.clone(), "outcome" => "ok"),
            busy: gauge!(definitions::BUSY, "group" => group.clone()),
            connected: gauge!(definitions::CONNECTED, "group" => group.clone()),
            broker_errors: counter!(definitions::BROKER_ERRORS, "group" => group.clone()),
            lost_leases: counter!(definitions::LOST_LEASES, "group" => group.clone()),
            group,
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            released: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
        }
    }

    pub(crate) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Relaxed);
        self.ok.increment(1);
    }

    pub(crate) fn failed(&self, kind: Kind) {
        self.failed.fetch_add(1, Relaxed);
        counter!(definitions::HANDLED, "group" => self.group.clone(), "outcome" => kind.code()).increment(1);
    }

    pub(crate) fn released(&self, n: usize) {
        self.released.fetch_add(n as u64, Relaxed);
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Relaxed);
        self.lost_leases.increment(1);
    }

    pub(crate) fn cut_off(&self) {
        self.cut_off.fetch_add(1, Relaxed);
    }

    pub(crate) fn gap(&self, gap: &GroupGap) {
        let labels = [("group", self.group.clone()), ("reason", gap.reason.to_string())];
        counter!(definitions::GAPS, &labels).increment(1);
    }

    pub(crate) fn report(&self, unsettled: usize) -> Report {
        Report {
            succeeded: self.succeeded.load(Relaxed),
            failed: self.failed.load(Relaxed),
            released: self.released.load(Relaxed),
            lost: self.lost.load(Relaxed),
            cut_off: self.cut_off.load(Relaxed),
            unsettled: unsettled as u64,
        }
    }
}
