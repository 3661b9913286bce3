//! What happened, counted for Prometheus.
//!
//! Events by tenant and type; how long runs, tasks, stages and all other parts took, from the event that opened them to
//! the one that ended them; how they ended. Tenants and types are limited in number, and share one label beyond.
//!
//! Counts are those of this process and begin at zero with it, as Prometheus expects. Events come at least once, so that
//! one may be counted twice after a crash.

mod definitions;
mod opened;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_broker::EventSubscriber;
use headwater_events::{
    Event,
    catalogue::{self, Kind, Role},
};
use metrics::{counter, gauge, histogram};

pub use definitions::{EVENTS, OPEN_PARTS, PART_SECONDS, PARTS_ENDED, UNKNOWN_STARTS, describe};
use opened::{Opened, Part};

use crate::{Bounded, Context, Failure, Handler, Outcome};

/// Counts events and measures the parts of runs, into the recorder that is installed.
pub struct Metrics {
    tenants: Bounded,
    types: Bounded,
    opened: Opened,
    history: Arc<dyn EventSubscriber>,
}

impl Metrics {
    /// Where an end comes whose beginning this process has not seen, the run's history is looked at: `history` is the
    /// broker that the worker works for.
    #[must_use]
    pub fn new(history: Arc<dyn EventSubscriber>) -> Self {
        Self { tenants: Bounded::new(100), types: Bounded::new(200), opened: Opened::new(100_000), history }
    }

    /// How many tenants and types have a label of their own: 100 and 200.
    #[must_use]
    pub fn limits(mut self, tenants: usize, types: usize) -> Self {
        (self.tenants, self.types) = (Bounded::new(tenants), Bounded::new(types));
        self
    }

    async fn ended(&self, part: &Part, event: &Event, context: &Context, how: &'static str) -> Outcome {
        let tenant = self.tenants.label(part.tenant.as_str());
        let labels = [("tenant", tenant), ("kind", part.kind.as_str().into()), ("outcome", how.into())];
        let begun = match self.opened.take(part) {
            Some(at) => Some(at),
            None => opened::in_history(&*self.history, part, context.position())
                .await
                .map_err(|error| Failure::release(format!("the run's history: {error}")))?,
        };
        match begun {
            Some(begun_ms) => {
                let took = opened::time_ms(event, context.record()).saturating_sub(begun_ms);
                let took = Duration::from_millis(u64::try_from(took).unwrap_or(0));
                histogram!(PART_SECONDS, &labels_of(&labels)).record(took);
            }
            None => counter!(UNKNOWN_STARTS, "kind" => part.kind.as_str()).increment(1),
        }
        counter!(PARTS_ENDED, &labels_of(&labels)).increment(1);
        Ok(())
    }
}

fn labels_of(labels: &[(&'static str, Arc<str>); 3]) -> [(&'static str, String); 3] {
    labels.each_ref().map(|(name, value)| (*name, value.to_string()))
}

#[async_trait]
impl Handler for Metrics {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let role = catalogue::lookup_name(event.ty()).map_or(Role::Note, |entry| entry.role);
        if let Some(kind) = role.kind() {
            let part = Part::of(event, context.tenant(), kind);
            match role {
                Role::Opens(_) | Role::Continues(_) => {
                    self.opened.put(&part, opened::time_ms(event, context.record()));
                }
                Role::Completes(_) => self.ended(&part, event, context, "completed").await?,
                Role::Fails(_) => self.ended(&part, event, context, "failed").await?,
                Role::Cancels(_) => self.ended(&part, event, context, "cancelled").await?,
                _ => {}
            }
            gauge!(OPEN_PARTS).set(self.opened.len() as f64);
        }
        // Last, so that what is handed back before is counted once.
        let labels = [
            ("tenant", self.tenants.label(context.tenant().as_str()).to_string()),
            ("type", self.types.label(event.ty()).to_string()),
        ];
        counter!(EVENTS, &labels).increment(1);
        Ok(())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("open", &self.opened.len()).finish_non_exhaustive()
    }
}

/// The kinds of parts that are measured, for documentation and dashboards.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = catalogue::all().filter_map(|entry| entry.role.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
