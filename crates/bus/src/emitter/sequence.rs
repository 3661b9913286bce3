//! Numbers that prove that nothing is missing: dense over the durable events of one source in one stream.

use std::collections::HashMap;

use headwater_events::{Class, Event};

/// How many sources and streams are numbered at once. Beyond that, and until a run has ended, new ones go unnumbered:
/// no number is better than a wrong one.
const MAX: usize = 65_536;

/// The last number of each source in each stream.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: HashMap<String, u64>,
    /// Streams that have ended: the first to be forgotten.
    ended: Vec<String>,
}

impl Sequence {
    pub(super) fn new(used: &[(String, String, String, u64)]) -> Self {
        let last = used.iter().map(|(source, tenant, stream, n)| (key(tenant, stream, source), *n)).collect();
        Self { last, ended: Vec::new() }
    }

    /// The event with its number, where it is to have one. What has a number keeps it.
    pub(super) fn number(&mut self, event: Event) -> Event {
        if event.class() != Class::Durable || event.sequence().is_some() {
            return event;
        }
        let (tenant, stream) = (event.tenant().unwrap_or("default"), event.stream());
        let key = key(tenant, stream, event.source());
        if self.last.len() >= MAX && !self.last.contains_key(&key) {
            self.forget_ended();
        }
        if self.last.len() >= MAX && !self.last.contains_key(&key) {
            return event;
        }
        if event.mark().ends() && self.ended.len() < MAX {
            self.ended.push(prefix(tenant, stream));
        }
        let n = self.last.entry(key).or_insert(0);
        let numbered = event.to_builder().sequence(*n + 1).build();
        match numbered {
            Ok(numbered) => {
                *n += 1;
                numbered
            }
            // What cannot be made is refused by the broker, which says why.
            Err(_) => event,
        }
    }

    /// The numbers of these events, which came to nothing, are free again.
    pub(super) fn take_back<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        for event in events.into_iter().filter(|event| event.sequence().is_some()) {
            let key = key(event.tenant().unwrap_or("default"), event.stream(), event.source());
            if let Some(n) = self.last.get_mut(&key) {
                *n = (*n).min(event.sequence().unwrap_or(0).saturating_sub(1));
            }
        }
    }

    fn forget_ended(&mut self) {
        for ended in self.ended.drain(..) {
            self.last.retain(|key, _| !key.starts_with(&ended));
        }
    }
}

/// Control characters are in no attribute.
fn prefix(tenant: &str, stream: &str) -> String {
    format!("{tenant}\u{1}{stream}\u{1}")
}

fn key(tenant: &str, stream: &str, source: &str) -> String {
    format!("{}{source}", prefix(tenant, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(source: &str, stream: &str, ty: &str) -> Event {
        Event::builder(source, ty).subject(stream).build().unwrap()
    }

    #[test]
    fn each_source_in_each_stream_counts_by_itself_and_deltas_are_not_counted() {
        let mut sequence = Sequence::new(&[("/b".into(), "default".into(), "r".into(), 7)]);
        let mut number = |source, stream, ty| sequence.number(event(source, stream, ty)).sequence();
        assert_eq!(number("/a", "r", "x.v1"), Some(1));
        assert_eq!(number("/a", "r", "x.v1"), Some(2));
        assert_eq!(number("/a", "r", "progress.v1"), None);
        assert_eq!(number("/a", "s", "x.v1"), Some(1));
        assert_eq!(number("/b", "r", "x.v1"), Some(8));
    }

    #[test]
    fn numbers_of_events_that_came_to_nothing_are_used_again() {
        let mut sequence = Sequence::default();
        let made: Vec<_> = (0..3).map(|_| sequence.number(event("/a", "r", "x.v1"))).collect();
        sequence.take_back(&made[1..]);
        assert_eq!(sequence.number(event("/a", "r", "x.v1")).sequence(), Some(2));
    }
}
