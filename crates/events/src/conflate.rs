//! Several deltas of one part as one event, so that a slow screen loses no text.
//!
//! Which types are deltas, and which member of their payload holds the text, stands in the catalogue.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    Data, Event, catalogue,
    event::{Inner, json::Members},
};

/// The extension that says how many events were merged.
pub const MERGED: &str = "merged";

/// Whether two events are deltas of one part: same type, source, subject, stream and tenant, and payloads that differ
/// in their text alone.
#[must_use]
pub fn same_part(a: &Event, b: &Event) -> bool {
    delta(a).zip(delta(b)).is_some_and(|(one, other)| alike(a, &one, b, &other))
}

/// One event that says what `events`, deltas of one part in their order, say together: the text joined, everything
/// else of the last, and how many they were as the extension [`MERGED`]. `None` where they are not of one part.
///
/// A single event comes back as it is. What was merged before counts as often as it says.
#[must_use]
pub fn merge(events: &[&Event]) -> Option<Event> {
    let (&last, earlier) = events.split_last()?;
    if earlier.is_empty() {
        return Some(last.clone());
    }
    let end = delta(last)?;
    let mut text = String::new();
    for event in earlier {
        let delta = delta(event)?;
        if !alike(event, &delta, last, &end) {
            return None;
        }
        text.push_str(delta.inside());
    }
    text.push_str(end.inside());
    let count: u64 = events.iter().map(|event| times(event)).sum();
    let mut inner = last.inner().without_json();
    inner.data = Data::Json(end.with_text(&text).into());
    set_merged(&mut inner, count);
    Some(Event::from_inner(inner))
}

/// How many events this one stands for.
#[must_use]
pub fn times(event: &Event) -> u64 {
    event.extensions().find(|(name, _)| *name == MERGED).and_then(|(_, n)| n.parse().ok()).unwrap_or(1)
}

fn set_merged(inner: &mut Inner, count: u64) {
    let count = i32::try_from(count).unwrap_or(i32::MAX).to_string();
    inner.extensions.retain(|(name, _)| name != MERGED);
    let at = inner.extensions.partition_point(|(name, _)| &**name < MERGED);
    inner.extensions.insert(at, (MERGED.into(), count.into()));
}

fn alike(a: &Event, one: &Delta<'_>, b: &Event, other: &Delta<'_>) -> bool {
    let (x, y) = (a.inner(), b.inner());
    x.ty == y.ty
        && x.source == y.source
        && x.subject == y.subject
        && a.stream() == b.stream()
        && x.tenant == y.tenant
        && x.correlationid == y.correlationid
        && x.datacontenttype == y.datacontenttype
        && one.rest().eq(other.rest())
}

/// A payload whose text can be joined with others.
struct Delta<'a> {
    text: &'static str,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// The payload of a delta, where the event is one.
fn delta(event: &Event) -> Option<Delta<'_>> {
    let text = catalogue::lookup(event.ty())?.delta?;
    let Data::Json(json) = event.data() else {
        return None;
    };
    let Members(members) = serde_json::from_str(json).ok()?;
    let texts = members.iter().filter(|(name, _)| name == text).collect::<Vec<_>>();
    let one_string = matches!(texts[..], [(_, value)] if value.get().starts_with('"'));
    one_string.then_some(Delta { text, members })
}

impl Delta<'_> {
    /// What stands between the quotes. Strings join as they are written, escapes and all.
    fn inside(&self) -> &str {
        let value = self.members.iter().find(|(name, _)| name == self.text).map_or("\"\"", |(_, v)| v.get());
        &value[1..value.len() - 1]
    }

    /// The members beside the text.
    fn rest(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().filter(|(name, _)| name != self.text).map(|(name, value)| (&**name, value.get()))
    }

    /// The payload with another text, given as it is written between quotes.
    fn with_text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 64);
        for (name, value) in &self.members {
            out.push(if out.is_empty() { '{' } else { ',' });
            // Writing a string as JSON cannot fail.
            out.push_str(&serde_json::to_string(name).unwrap_or_default());
            out.push(':');
            if name == self.text {
                out.push('"');
                out.push_str(text);
                out.push('"');
            } else {
                out.push_str(value.get());
            }
        }
        out.push('}');
        out
    }
}
