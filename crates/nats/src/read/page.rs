//! The messages of a page.

use std::sync::Arc;

use futures_util::future::try_join;
use headwater_events::Position;
use headwater_store::{Error, Gap, GapReason, Page, Record};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Scan,
    scans::{Ahead, Next, Part},
};
use crate::{
    api::Get,
    codec::{direct_seq, direct_subject, record},
    link::Link,
    metric_definitions,
};

/// So many are asked for directly, in one trip; the rest comes through a consumer, which takes a trip more to make and is
/// four times as fast from then on.
const DIRECT: usize = 16;
/// So many at a time through a consumer.
const CHUNK: usize = 1000;
/// So many pages at a time for somebody who reads on, as far as they fit into one by their bytes: the server and the way
/// to it are not idle between two of them.
const AHEAD: usize = 4;

/// A page as it fills.
struct Filling {
    page: Page,
    limit: usize,
    max_bytes: usize,
    bytes: usize,
    /// Something came that has no room.
    left_out: bool,
}

impl Filling {
    fn is_full(&self) -> bool {
        self.page.records.len() >= self.limit
            || (self.bytes >= self.max_bytes && !self.page.records.is_empty())
    }

    /// Takes the next message in, where there is room for it.
    fn take(&mut self, seq: u64, record: Option<Record>) {
        if self.left_out {
            return;
        }
        let position = Position(seq);
        let Some(record) = record else {
            metrics::counter!(metric_definitions::UNDECODABLE).increment(1);
            match self.page.gaps.iter_mut().find(|gap| gap.reason == GapReason::Undecodable) {
                Some(gap) => gap.to = position,
                None => self.page.gaps.push(Gap {
                    from: self.page.next,
                    to: position,
                    reason: GapReason::Undecodable,
                    stream: None,
                }),
            }
            self.page.next = position;
            return;
        };
        let bytes = self.bytes.saturating_add(record.size());
        let no_room = self.page.records.len() >= self.limit
            || (bytes > self.max_bytes && !self.page.records.is_empty());
        if no_room {
            self.left_out = true;
        } else {
            self.bytes = bytes;
            self.page.next = position;
            self.page.records.push(record);
        }
    }
}

impl Link {
    /// The messages under a filter behind `after`, as a page that tells of no gap yet but those of foreign entries.
    pub(super) async fn messages(
        self: &Arc<Self>,
        filter: &str,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let page = Page { next: after, ..Page::default() };
        let mut filling = Filling { page, limit, max_bytes, bytes: 0, left_out: false };
        let resets = self.identity.borrow().resets;
        if let Some(next) = self.scans.take(filter, after, resets)
            && self.read_on(&mut filling, filter, next).await?
        {
            return Ok(filling.page);
        }
        // A page that is full needs no end of the log: both are asked for at once.
        let (tail, full) = try_join(self.tail(), self.fill_anew(&mut filling, filter)).await?;
        // Something may have come between the messages and the end.
        let behind = !full && filling.page.next < tail;
        if behind && self.has_more(&mut filling, filter).await? {
            filling.page.more = true;
        } else if behind {
            filling.page.next = filling.page.next.max(tail);
        }
        Ok(filling.page)
    }

    /// Whether there is more behind a page than it has room for.
    async fn has_more(self: &Arc<Self>, filling: &mut Filling, filter: &str) -> Result<bool, Error> {
        if !self.is_replicated() {
            return self.fill_anew(filling, filter).await;
        }
        // Any server gives messages, one that is behind too: its leader knows whether that was all.
        let start = filling.page.next.next().0;
        let next = Get { seq: Some(start), next_by_subj: Some(filter.to_owned()), ..Get::default() };
        let Some(message) = self.get_at_leader(&self.names.events, &next).await? else { return Ok(false) };
        if let Some(seq) = direct_seq(&message) {
            // So that the page moves on.
            filling.take(seq, record(&message.subject, message.headers.as_ref(), message.payload, seq));
        }
        Ok(true)
    }

    /// Fills the page of somebody who reads on; gives whether there was more.
    async fn read_on(
        self: &Arc<Self>,
        filling: &mut Filling,
        filter: &str,
        mut next: Next,
    ) -> Result<bool, Error> {
        let resets = self.identity.borrow().resets;
        let deletions = self.deletions().await?;
        loop {
            let mut ahead = match next {
                Next::Scan(scan) => self.read_ahead(scan, filling.limit, filling.max_bytes, deletions),
                // Some process deleted something, which may be among what was read.
                Next::Ahead(ahead) if ahead.deletions != deletions => return Ok(false),
                Next::Ahead(ahead) => ahead,
            };
            while let Some(part) = ahead.parts.recv().await {
                part.records.into_iter().for_each(|(seq, record)| filling.take(seq, record));
                filling.page.more = filling.left_out || (filling.is_full() && part.pending > 0);
                if !filling.page.more {
                    continue;
                }
                // What had no room is read again, by another consumer.
                if !filling.left_out {
                    self.scans.keep(filter, filling.page.next, resets, Next::Ahead(ahead));
                }
                return Ok(true);
            }
            match ahead.scan.await {
                Ok(Ok(scan)) if scan.pending() > 0 => next = Next::Scan(scan),
                Ok(Ok(scan)) => {
                    scan.end(self).await;
                    return Ok(false);
                }
                // What is left is read anew.
                _ => return Ok(false),
            }
        }
    }

    /// Reads the next pages of somebody who reads on, and hands each over as soon as it is whole.
    fn read_ahead(self: &Arc<Self>, mut scan: Scan, limit: usize, max_bytes: usize, deletions: u64) -> Ahead {
        let link = Arc::clone(self);
        let limit = limit.clamp(1, CHUNK);
        let (sender, parts) = mpsc::channel(AHEAD + 1);
        let scan = tokio::spawn(async move {
            let (mut records, mut pending) = (Vec::with_capacity(limit), 0);
            let taken = scan.each(&link, AHEAD * limit, max_bytes, |place, message| {
                let record = record(&message.subject, message.headers.as_ref(), message.payload, place.seq);
                records.push((place.seq, record));
                pending = place.pending;
                if records.len() == limit {
                    // There is room for all of them; nobody may want them any more.
                    let _ = sender.try_send(Part { records: std::mem::take(&mut records), pending });
                }
            });
            let taken = taken.await;
            if !records.is_empty() {
                let _ = sender.try_send(Part { records, pending });
            }
            taken.map(|_| scan)
        });
        Ahead { deletions, parts, scan }
    }

    /// Fills the page from where it is; gives whether there was more.
    async fn fill_anew(self: &Arc<Self>, filling: &mut Filling, filter: &str) -> Result<bool, Error> {
        let start = filling.page.next.next().0;
        let few = filling.limit.saturating_sub(filling.page.records.len()).clamp(1, DIRECT);
        let room = filling.max_bytes.clamp(1, 1 << 24);
        let question = json!({ "seq": start, "next_by_subj": filter, "batch": few, "max_bytes": room });
        let (messages, rest) = self.get_many(&question).await?;
        for message in messages {
            let Some(seq) = direct_seq(&message) else { continue };
            let subject = direct_subject(&message).unwrap_or_default().to_owned();
            filling.take(seq, record(&subject, message.headers.as_ref(), message.payload, seq));
        }
        if filling.left_out || (rest > 0 && filling.is_full()) {
            filling.page.more = true;
            return Ok(true);
        }
        if rest == 0 {
            return Ok(false);
        }
        let scan = Scan::new(self, vec![filter.to_owned()], filling.page.next.0 + 1, false).await?;
        self.fill(filling, filter, scan).await
    }

    /// The same through a consumer, which is kept for the next page.
    async fn fill(
        self: &Arc<Self>,
        filling: &mut Filling,
        filter: &str,
        mut scan: Scan,
    ) -> Result<bool, Error> {
        let resets = self.identity.borrow().resets;
        while !filling.left_out && scan.pending() > 0 {
            if filling.is_full() {
                filling.page.more = true;
                self.scans.keep(filter, filling.page.next, resets, Next::Scan(scan));
                return Ok(true);
            }
            let wanted = (filling.limit - filling.page.records.len()).min(CHUNK);
            let room = filling.max_bytes.saturating_sub(filling.bytes);
            let taken = scan.each(self, wanted, room, |place, message| {
                let record = record(&message.subject, message.headers.as_ref(), message.payload, place.seq);
                filling.take(place.seq, record);
            });
            taken.await?;
        }
        scan.end(self).await;
        filling.page.more = filling.left_out;
        Ok(filling.left_out)
    }
}
