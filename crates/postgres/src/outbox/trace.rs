//! The trace an event belongs to.

use std::{fmt, sync::Arc};

/// W3C trace context, as it stands in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`.
    pub traceparent: String,
    /// `tracestate`, where there is one.
    pub tracestate: Option<String>,
}

/// Where the trace of the present moment comes from.
#[derive(Clone)]
pub(super) struct Tracer(pub(super) Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>);

impl Tracer {
    pub(super) fn none() -> Self {
        Self(Arc::new(|| None))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracer")
    }
}
