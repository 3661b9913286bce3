//! Whether an event may be published, and where it belongs then: the same wherever events come in.

use jiff::Timestamp;

use crate::{
    Code, Event, EventError, StreamName, Tenant,
    validate::{self, Policy},
};

/// An event that may be published: with its home, its time and its encoded form.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The event as it is to be stored.
    pub event: Event,
    /// Whose it is.
    pub tenant: Tenant,
    /// The root run it belongs to.
    pub stream: StreamName,
}

/// Gives an event its home and checks everything that can be known before it is stored. `now` is the time of an event
/// that has none, `max_bytes` the largest encoded event.
///
/// # Errors
/// The attribute that is wrong; [`Code::InvalidStream`] for a stream of Headwater's own, [`Code::EventTooLarge`], or
/// what [`validate::event`] finds.
pub fn admit(
    event: &Event,
    now: Timestamp,
    max_bytes: usize,
    policy: impl FnOnce(&Tenant) -> Policy,
) -> Result<Admitted, EventError> {
    let stream = event.stream_name()?;
    if stream.is_reserved() {
        let detail = format!("`{stream}` is Headwater's own: nothing is published there");
        return Err(EventError::attribute(Code::InvalidStream, "stream", detail));
    }
    let tenant = event
        .tenant_name()
        .map_err(|e| EventError::attribute(Code::InvalidTenant, "tenant", e.to_string()))?;
    let event = event.with_home(&tenant, &stream, now);
    let size = event.json().len();
    if size > max_bytes {
        let detail = format!(
            "event has {size} encoded bytes, {max_bytes} are allowed: send large payloads by `dataref`"
        );
        return Err(EventError::new(Code::EventTooLarge, detail));
    }
    validate::event(&event, policy(&tenant))?;
    Ok(Admitted { event, tenant, stream })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(event: &Event) -> Result<Admitted, EventError> {
        admit(event, Timestamp::UNIX_EPOCH, 1000, |_| Policy::Lenient)
    }

    #[test]
    fn an_event_gets_its_home_and_its_time() {
        let event = Event::builder("/a", "x.happened.v1").subject("wf-1/task/t").build().unwrap();
        let admitted = admitted(&event).unwrap();
        assert_eq!((admitted.tenant.as_str(), admitted.stream.as_str()), ("default", "wf-1"));
        assert_eq!(admitted.event.stream(), "wf-1");
        assert!(admitted.event.time().is_some());
    }

    #[test]
    fn what_no_log_would_take_is_refused_by_its_code() {
        let good = || Event::builder("/a", "x.happened.v1").subject("wf-1");
        let cases = [
            (good().stream(&StreamName::dead_letters(&"g".parse().unwrap())), Code::InvalidStream),
            (good().data(&"x".repeat(1000)), Code::EventTooLarge),
            (Event::builder("/a", "workflow.progressed.v1").subject("wf-1"), Code::InvalidData),
        ];
        for (event, code) in cases {
            assert_eq!(admitted(&event.build().unwrap()).unwrap_err().code(), code);
        }
    }
}
