//! A batch on its way into the log.

use headwater_events::{Data, Event, EventType, catalogue::Dropped};
use tokio::sync::oneshot;

use super::{
    queue::{Answer, Entry, Left},
    sequence::Sequence,
};

/// Events that are published together, with those who wait for them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The events, numbered, in order.
    pub(super) events: Vec<Event>,
    /// The same as they were handed over.
    given: Vec<Event>,
    /// Who waits for each of them.
    pub(super) answers: Vec<Option<Answer>>,
    /// Who waits for all of them.
    pub(super) flushes: Vec<oneshot::Sender<()>>,
    /// How many of the events count as waiting in the queue.
    pub(super) counted: usize,
}

impl Batch {
    pub(super) fn new(entries: Vec<Entry>, sequence: &mut Sequence) -> Self {
        let mut batch = Self::default();
        for entry in entries {
            match entry {
                Entry::Event(event, answer) => {
                    batch.counted += 1;
                    batch.push(event, answer, sequence);
                }
                Entry::Left(left) => {
                    if let Some(told) = told(&left) {
                        batch.push(told, None, sequence);
                    }
                }
                Entry::Flush(done) => batch.flushes.push(done),
            }
        }
        batch
    }

    fn push(&mut self, event: Event, answer: Option<Answer>, sequence: &mut Sequence) {
        self.events.push(sequence.number(event.clone()));
        self.given.push(event);
        self.answers.push(answer);
    }

    /// Takes the event at `index` out, which was not stored; those behind it are numbered anew.
    pub(super) fn refuse(&mut self, index: usize, sequence: &mut Sequence) -> (Event, Option<Answer>) {
        let behind = self.given.iter().zip(&self.events).skip(index);
        sequence.take_back(behind.filter(|(given, _)| given.sequence().is_none()).map(|(_, event)| event));
        let (refused, answer) = (self.given.remove(index), self.answers.remove(index));
        self.events.truncate(index);
        let again = self.given.iter().skip(index).map(|event| sequence.number(event.clone()));
        self.events.extend(again);
        (refused, answer)
    }

    /// Keeps only these events; the others are stored. Who waits for one of those learns that its place is not known.
    pub(super) fn keep(&mut self, kept: &[bool]) {
        let keep = |at: usize| kept.get(at).copied().unwrap_or(true);
        let mut at = 0;
        self.events.retain(|_| (keep(at), at += 1).0);
        at = 0;
        self.given.retain(|_| (keep(at), at += 1).0);
        at = 0;
        self.answers.retain(|_| (keep(at), at += 1).0);
    }

    /// The part from `at` on as a batch of its own, which those wait for who waited for all.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        Self {
            events: self.events.split_off(at),
            given: self.given.split_off(at),
            answers: self.answers.split_off(at),
            flushes: std::mem::take(&mut self.flushes),
            counted: 0,
        }
    }
}

/// About how many bytes an event has, without encoding it.
pub(super) fn size(event: &Event) -> usize {
    const ATTRIBUTES: usize = 400;
    ATTRIBUTES
        + match event.data() {
            Data::None => 0,
            Data::Json(text) => text.len(),
            Data::Binary(bytes) => bytes.len() * 4 / 3,
        }
}

/// The event that tells what was left out. It comes from the source whose events are missing.
fn told(left: &Left) -> Option<Event> {
    let mut payload = Dropped::new(left.count).reason(left.reason.as_str());
    if left.one_type {
        payload = payload.of(left.first.ty());
    }
    let (stream, tenant) = (left.first.stream_name().ok()?, left.first.tenant_name().ok()?);
    Event::builder(left.first.source(), Dropped::TYPE)
        .subject(stream.as_str())
        .tenant(&tenant)
        .stream(&stream)
        .data(&payload)
        .build()
        .ok()
}
