//! What one script is given, and what it answers.

use std::collections::HashMap;

use bytes::Bytes;
use headwater_events::{Position, lane_of};
use headwater_store::{Append, Appended, Error};
use jiff::Timestamp;
use redis::Value;
use xxhash_rust::xxh3::Xxh3;

use crate::{link::Link, metric_definitions as names, pack::Packer, reply, retention};

/// The most events, and about the most bytes, that one entry holds: what a reader of one of them has to read.
const SEGMENT_EVENTS: usize = 100;
const SEGMENT_BYTES: usize = 256 * 1024;

/// The arguments of the script.
pub(super) struct Group {
    plan: Vec<u8>,
    bodies: Vec<Bytes>,
}

impl Group {
    pub(super) fn new(link: &Link, run_id: &str, batches: &[&[Append]]) -> Self {
        let events = || batches.iter().flat_map(|batch| batch.iter());
        let mut names = Names::default();
        let mut kinds = Packer::default();
        let count = events().count();
        kinds.array(2 * count);
        let mut prints = Vec::with_capacity(16 * count);
        let salt = link.salt();
        for append in events() {
            let stream = names.stream(append, link.lanes);
            kinds.number(stream).number(append.class as u64 + 4 * append.mark as u64);
            prints.extend_from_slice(&fingerprint(append, salt));
        }
        let bodies: Vec<Bytes> = events().map(|append| append.event.json().clone()).collect();
        let window = u64::try_from(link.options.dedup_window.as_millis()).unwrap_or(u64::MAX);
        let (deltas, all) = retention::expiries(&link.options.retention);
        let mut plan = Packer::default();
        plan.array(12);
        plan.text(link.epoch().0.to_string().as_bytes()).text(run_id.as_bytes());
        plan.number(link.clock()).number(window).number(link.options.feed_entries);
        plan.number(deltas).number(all);
        names.pack(&mut plan);
        let mut plan = plan.into_bytes();
        plan.extend_from_slice(&kinds.into_bytes());
        let mut rest = Packer::default();
        rest.text(&prints);
        let segments = segments(&bodies);
        rest.array(segments.len());
        segments.iter().for_each(|end| {
            rest.number(*end as u64);
        });
        plan.extend_from_slice(&rest.into_bytes());
        Self { plan, bodies }
    }

    pub(super) fn args<'a>(&'a self, namespace: &'a str) -> Vec<&'a [u8]> {
        let head = [namespace.as_bytes(), &self.plan];
        head.into_iter().chain(self.bodies.iter().map(|body| &body[..])).collect()
    }

    /// What became of each event of each batch.
    pub(super) fn answers(
        &self,
        link: &Link,
        answer: Value,
        batches: &[&[Append]],
    ) -> Result<Vec<Vec<Appended>>, Error> {
        let [first, at, dups] = reply::parts(answer)?;
        let mut next = reply::position(&first)?;
        let time = |at: &Value| -> Result<Timestamp, Error> {
            let at = i64::try_from(reply::number(at)?).map_err(|_| reply::strange())?;
            Timestamp::from_millisecond(at).map_err(|_| reply::strange())
        };
        let stored_at = time(&at)?;
        let dups = reply::array(dups)?;
        let (dups, _) = dups.as_chunks::<3>();
        let mut dups = dups.iter().peekable();
        let mut number = 0;
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut answer = Vec::with_capacity(batch.len());
            for _ in *batch {
                number += 1;
                let is_this = |dup: &&[Value; 3]| reply::number(&dup[0]).is_ok_and(|n| n == number);
                answer.push(match dups.next_if(is_this) {
                    Some([_, position, at]) => Appended {
                        position: reply::position(position)?,
                        stored_at: time(at)?,
                        duplicate: true,
                    },
                    None => {
                        let position = next;
                        next = next.next();
                        Appended { position, stored_at, duplicate: false }
                    }
                });
            }
            answers.push(answer);
        }
        link.saw(Position(next.0.saturating_sub(1)));
        let new = answers.iter().flatten().filter(|appended| !appended.duplicate).count();
        metrics::counter!(names::GROUPS).increment(1);
        metrics::histogram!(names::GROUP_EVENTS).record(self.bodies.len() as f64);
        metrics::counter!(names::EVENTS).increment(new as u64);
        metrics::counter!(names::DUPLICATES).increment((self.bodies.len() - new) as u64);
        let bytes: usize = self.bodies.iter().map(Bytes::len).sum();
        metrics::counter!(names::EVENT_BYTES).increment(bytes as u64);
        Ok(answers)
    }
}

/// The tenants and streams of a group, each once, numbered from 1 as Lua does.
#[derive(Default)]
struct Names<'a> {
    tenants: Vec<&'a str>,
    streams: Vec<(u64, &'a str, u16)>,
    known: HashMap<(&'a str, &'a str), u64>,
}

impl<'a> Names<'a> {
    fn stream(&mut self, append: &'a Append, lanes: u16) -> u64 {
        let (tenant, stream) = (append.tenant.as_str(), append.stream.as_str());
        if let Some(known) = self.known.get(&(tenant, stream)) {
            return *known;
        }
        let place = self.tenants.iter().position(|known| *known == tenant).unwrap_or_else(|| {
            self.tenants.push(tenant);
            self.tenants.len() - 1
        });
        self.streams.push((place as u64 + 1, stream, lane_of(tenant, stream, lanes).0));
        let number = self.streams.len() as u64;
        self.known.insert((tenant, stream), number);
        number
    }

    fn pack(&self, plan: &mut Packer) {
        plan.array(self.tenants.len());
        self.tenants.iter().for_each(|tenant| {
            plan.text(tenant.as_bytes());
        });
        plan.array(3 * self.streams.len());
        for (tenant, stream, lane) in &self.streams {
            plan.number(*tenant).text(stream.as_bytes()).number(u64::from(*lane));
        }
    }
}

/// 128 bits that stand for (tenant, source, id), which nobody outside can predict. None of them has a zero inside.
fn fingerprint(append: &Append, salt: u64) -> [u8; 16] {
    let mut hash = Xxh3::with_seed(salt);
    for part in [append.tenant.as_str(), append.event.source(), append.event.id()] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest128().to_be_bytes()
}

/// The number of the last event of each segment, counted from 1.
fn segments(bodies: &[Bytes]) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut events, mut bytes) = (0, 0);
    for (i, body) in bodies.iter().enumerate() {
        if events > 0 && (events >= SEGMENT_EVENTS || bytes + body.len() > SEGMENT_BYTES) {
            ends.push(i);
            (events, bytes) = (0, 0);
        }
        (events, bytes) = (events + 1, bytes + body.len());
    }
    if !bodies.is_empty() {
        ends.push(bodies.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_bounded_and_cover_everything() {
        let small = vec![Bytes::from_static(b"x"); 250];
        assert_eq!(segments(&small), [100, 200, 250]);
        let mut large = vec![Bytes::from_static(b"x"); 3];
        large[1] = vec![b'x'; SEGMENT_BYTES + 1].into();
        assert_eq!(segments(&large), [1, 2, 3]);
        assert!(segments(&[]).is_empty());
    }
}
