//! The broker's settings, every one with its default.

use std::collections::HashMap;

use headwater_events::{Tenant, validate::Policy};
use serde::{Deserialize, Serialize};

/// Settings of a [`Broker`](crate::Broker).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerConfig {
    /// The largest event, in encoded bytes: 256 KiB. The store's own limit applies as well.
    pub max_event_bytes: usize,
    /// The most events one publish call may have: 1,000.
    pub max_batch_events: usize,
    /// The most encoded bytes one publish call may have: 4 MiB.
    pub max_batch_bytes: usize,
    /// How many recent events each scope that has readers keeps at hand: 1,024.
    pub ring_events: usize,
    /// How many bytes all those events may have together: 64 MiB.
    pub hub_bytes: usize,
    /// How strictly events are checked.
    pub policy: Policy,
    /// Tenants that are checked otherwise.
    pub tenant_policies: HashMap<Tenant, Policy>,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            max_event_bytes: 256 * 1024,
            max_batch_events: 1_000,
            max_batch_bytes: 4 * 1024 * 1024,
            ring_events: 1_024,
            hub_bytes: 64 * 1024 * 1024,
            policy: Policy::Lenient,
            tenant_policies: HashMap::new(),
        }
    }
}

impl BrokerConfig {
    /// The policy of a tenant.
    #[must_use]
    pub fn policy_of(&self, tenant: &Tenant) -> Policy {
        self.tenant_policies.get(tenant).copied().unwrap_or(self.policy)
    }

    /// Whether any tenant is checked strictly.
    pub(crate) fn has_strict(&self) -> bool {
        self.policy == Policy::Strict || self.tenant_policies.values().any(|policy| *policy == Policy::Strict)
    }
}
