//! A run inside a lane, as something that is looked up all the time.

use std::{
    cmp::Ordering,
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use headwater_events::{StreamName, Tenant};

/// A run. Its hash is made once, and cloning copies a pointer: every delivery looks it up in several tables.
#[derive(Debug, Clone)]
pub(super) struct Run(Arc<Name>);

/// What a run is called.
#[derive(Debug)]
pub(super) struct Name {
    hash: u64,
    pub(super) tenant: Tenant,
    pub(super) stream: StreamName,
}

/// Something for each run.
pub(super) type ByRun<T> = HashMap<Run, T, BuildHasherDefault<Made>>;

impl Run {
    pub(super) fn new(tenant: Tenant, stream: StreamName) -> Self {
        let hash =
            BuildHasherDefault::<DefaultHasher>::default().hash_one((tenant.as_str(), stream.as_str()));
        Self(Arc::new(Name { hash, tenant, stream }))
    }
}

impl Deref for Run {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.0
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        let same_name =
            || self.hash == other.hash && self.stream == other.stream && self.tenant == other.tenant;
        Arc::ptr_eq(&self.0, &other.0) || same_name()
    }
}

impl Eq for Run {}

impl Hash for Run {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Ord for Run {
    /// Some order, the same in every process: none that a reader would expect.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_name = || (&self.tenant, &self.stream).cmp(&(&other.tenant, &other.stream));
        self.hash.cmp(&other.hash).then_with(by_name)
    }
}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Takes the hash that was made.
#[derive(Debug, Default)]
pub(super) struct Made(u64);

impl Hasher for Made {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, made: u64) {
        self.0 = made;
    }
}
