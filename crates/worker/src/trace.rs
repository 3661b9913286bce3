//! The span of a handler, whose parent is the event's.

use headwater_events::Event;
use tracing::Span;

use crate::Context;

/// The span in which a handler is called. Its `trace_id` and `parent_span_id` are those of the event's `traceparent`,
/// on the first delivery as on a retry or a replay.
pub(crate) fn span(context: &Context) -> Span {
    let event = context.event();
    // Nothing of this is looked at where nobody listens.
    tracing::info_span!(
        "handle",
        group = %context.group(),
        tenant = event.tenant().unwrap_or_default(),
        stream = event.stream(),
        ty = event.ty(),
        id = event.id(),
        attempt = context.attempt(),
        trace_id = Parent::of(event).unwrap_or_default().trace_id,
        parent_span_id = Parent::of(event).unwrap_or_default().span_id,
    )
}

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parent<'a> {
    /// Which trace: 32 digits in hexadecimal.
    pub(crate) trace_id: &'a str,
    /// Which span of it published the event: 16 digits in hexadecimal.
    pub(crate) span_id: &'a str,
}

impl<'a> Parent<'a> {
    /// That of an event, where it has a valid one.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        let mut parts = event.traceparent()?.split('-');
        let (version, trace_id, span_id) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (hex(version, 2) && hex(trace_id, 32) && hex(span_id, 16)).then_some(Self { trace_id, span_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_what_the_traceparent_names_and_nothing_else() {
        let event = |parent: &str| {
            Event::builder("/t", "a.b.v1").subject("s").traceparent(parent).build().expect("a good event")
        };
        let (trace_id, span_id) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let good = event(&format!("00-{trace_id}-{span_id}-01"));
        assert_eq!(Parent::of(&good), Some(Parent { trace_id, span_id }));
        let none = Event::builder("/t", "a.b.v1").subject("s").build().expect("a good event");
        assert_eq!(Parent::of(&none), None);
    }
}
