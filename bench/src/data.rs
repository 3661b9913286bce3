//! What is published: events of about 400 bytes of JSON.

use std::{sync::OnceLock, time::Instant};

use anyhow::{Context as _, Result};
use headwater_events::{Event, StreamName, Tenant};

/// Stands once in every event.
pub(crate) const MARK: &[u8] = b"\"at\":\"";
/// How many digits follow the mark.
pub(crate) const DIGITS: usize = 12;

/// Microseconds since the program began: the stamp in an event.
pub(crate) fn stamp() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The JSON of one event of a stream, of which id and stamp are set in place.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    json: Vec<u8>,
    id: usize,
    stamp: usize,
}

impl Template {
    /// An event of `stream`.
    pub(crate) fn new(stream: &str) -> Self {
        let zeros = "0".repeat(DIGITS);
        let text = "the quick brown fox jumps over the lazy dog ".repeat(3);
        let json = format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{zeros}\",\"source\":\"/bench/{stream}\",\"type\":\"bench.step.done.v1\",\
             \"subject\":\"{stream}/task/t-1\",\"stream\":\"{stream}\",\"time\":\"2026-11-21T04:00:00.000Z\",\
             \"datacontenttype\":\"application/json\",\"data\":{{\"at\":\"{zeros}\",\"text\":\"{text}\"}}}}"
        )
        .into_bytes();
        let find =
            |mark: &[u8]| json.windows(mark.len()).position(|w| w == mark).map_or(0, |at| at + mark.len());
        let (id, stamp) = (find(b"\"id\":\""), find(MARK));
        Self { json, id, stamp }
    }

    /// The JSON with this id and stamp.
    pub(crate) fn json(&mut self, id: u64, stamp: u64) -> &[u8] {
        digits(&mut self.json[self.id..self.id + DIGITS], id);
        digits(&mut self.json[self.stamp..self.stamp + DIGITS], stamp);
        &self.json
    }

    /// A JSON array of events with the ids from `first` on.
    pub(crate) fn array(&mut self, first: u64, count: usize, stamp: u64) -> Vec<u8> {
        let mut array = Vec::with_capacity((self.json.len() + 1) * count + 2);
        for n in 0..count as u64 {
            array.push(if n == 0 { b'[' } else { b',' });
            array.extend_from_slice(self.json(first + n, stamp));
        }
        array.push(b']');
        array
    }
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Durable events of about 400 bytes of one stream, encoded already.
pub(crate) fn events(stream: &str, first: u64, count: usize) -> Result<Vec<Event>> {
    let text = "the quick brown fox jumps over the lazy dog ".repeat(4);
    let data = serde_json::json!({ "at": stamp(), "text": text });
    build(stream, "bench.step.done.v1", &data, first, count)
}

/// Durable events of one stream with a payload of 300 bytes, encoded already.
pub(crate) fn of_300_bytes(stream: &str, first: u64, count: usize) -> Result<Vec<Event>> {
    build(stream, "bench.step.done.v1", &serde_json::json!({ "text": "x".repeat(289) }), first, count)
}

/// Token events of one stream, encoded already.
pub(crate) fn tokens(stream: &str, count: usize) -> Result<Vec<Event>> {
    build(stream, "llm.delta.v1", &serde_json::json!({ "text": "token " }), 0, count)
}

/// Token events of one stream as large as [`events`], encoded already.
#[cfg(feature = "shared")]
pub(crate) fn deltas(stream: &str, first: u64, count: usize) -> Result<Vec<Event>> {
    let text = "the quick brown fox jumps over the lazy dog ".repeat(4);
    build(stream, "llm.delta.v1", &serde_json::json!({ "at": stamp(), "text": text }), first, count)
}

fn build(stream: &str, ty: &str, data: &serde_json::Value, first: u64, count: usize) -> Result<Vec<Event>> {
    let (tenant, name) = (Tenant::default(), StreamName::new(stream.to_owned())?);
    let event = Event::builder(format!("/bench/{stream}"), ty)
        .tenant(&tenant)
        .stream(&name)
        .subject(format!("{stream}/task/t-1"))
        .data(data)
        .build()?;
    (first..first + count as u64)
        .map(|id| {
            let event = event.to_builder().id(format!("{id:012}")).build().context("bench event")?;
            let _encoded = event.json();
            Ok(event)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_events_of_about_400_bytes() {
        let mut template = Template::new("run-1");
        let event = Event::from_json(template.json(77, 123).to_vec()).unwrap();
        assert_eq!((event.id(), event.stream()), ("000000000077", "run-1"));
        assert!((350..450).contains(&event.json().len()), "{}", event.json().len());
        let array: Vec<serde_json::Value> = serde_json::from_slice(&template.array(5, 3, 9)).unwrap();
        assert_eq!(array[2]["id"], "000000000007");
    }

    #[test]
    fn built_events_are_as_large_and_tokens_are_transient() {
        let events = events("run-1", 10, 2).unwrap();
        assert_eq!(events[1].id(), "000000000011");
        assert!((350..450).contains(&events[0].json().len()), "{}", events[0].json().len());
        assert_eq!(tokens("run-1", 1).unwrap()[0].class(), headwater_events::Class::Transient);
    }
}
