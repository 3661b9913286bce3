//! The messages of a page.

use headwater_events::Position;
use headwater_store::{Error, Gap, GapReason, Page, Record};
use serde_json::json;

use super::Scan;
use crate::{
    codec::{direct_seq, direct_subject, record},
    link::Link,
    metric_definitions,
};

/// So many are asked for directly, in one trip; the rest comes through a consumer, which takes two trips to make and is
/// four times as fast from then on.
const DIRECT: usize = 16;
/// So many at a time through a consumer.
const CHUNK: usize = 1000;

/// A page as it fills.
struct Filling {
    page: Page,
    after: Position,
    limit: usize,
    max_bytes: usize,
    bytes: usize,
}

impl Filling {
    /// Takes the next message in; `false` where the page is full before it.
    fn take(&mut self, seq: u64, record: Option<Record>) -> bool {
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
            return true;
        };
        self.bytes = self.bytes.saturating_add(record.size());
        let full = self.page.records.len() >= self.limit
            || (self.bytes > self.max_bytes && !self.page.records.is_empty());
        if !full {
            self.page.next = position;
            self.page.records.push(record);
        }
        !full
    }
}

impl Link {
    /// The messages under a filter behind `after`, as a page that tells of no gap yet but those of foreign entries.
    pub(super) async fn messages(
        &self,
        filter: &str,
        after: Position,
        tail: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let page = Page { next: after, ..Page::default() };
        let mut filling = Filling { page, after, limit, max_bytes, bytes: 0 };
        let full = self.fill(&mut filling, filter).await?;
        let mut page = filling.page;
        page.more = full;
        if !full {
            page.next = page.next.max(tail);
        }
        Ok(page)
    }

    /// Fills the page; gives whether there was more.
    async fn fill(&self, filling: &mut Filling, filter: &str) -> Result<bool, Error> {
        let start = filling.after.next().0;
        let few = filling.limit.min(DIRECT);
        let question = json!({
            "seq": start, "next_by_subj": filter, "batch": few.max(1), "max_bytes": filling.max_bytes.clamp(1, 1 << 24)
        });
        let (messages, rest) = self.get_many(&question).await?;
        let mut last = filling.after.0;
        for message in messages {
            let Some(seq) = direct_seq(&message) else { continue };
            let subject = direct_subject(&message).unwrap_or_default().to_owned();
            last = seq;
            if !filling.take(seq, record(&subject, message.headers.as_ref(), message.payload, seq)) {
                return Ok(true);
            }
        }
        if rest == 0 {
            return Ok(false);
        }
        if filling.page.records.len() >= filling.limit {
            return Ok(true);
        }
        let mut scan = Scan::new(self, vec![filter.to_owned()], last + 1, false).await?;
        let mut more = false;
        'scan: loop {
            let wanted = (filling.limit - filling.page.records.len()).clamp(1, CHUNK);
            let room = filling.max_bytes.saturating_sub(filling.bytes);
            let Some(chunk) = scan.next(wanted, room).await? else { break };
            for (place, message) in chunk {
                let record = record(&message.subject, message.headers.as_ref(), message.payload, place.seq);
                if !filling.take(place.seq, record) {
                    more = true;
                    break 'scan;
                }
                // Enough, and the consumer knows of more: no need to fetch one to see that.
                if filling.page.records.len() >= filling.limit && place.pending > 0 {
                    more = true;
                    break 'scan;
                }
            }
        }
        scan.end().await;
        Ok(more)
    }
}
