//! Copying one stream, from its mark to its end.

use std::collections::VecDeque;

use headwater_broker::{Delivery, Error, Page, Start};
use headwater_events::{Cursor, Event, Position, StreamName};
use headwater_store::GapReason;

use super::{
    Happening, MirrorError, MirrorGap, StreamReport,
    copier::Copier,
    held::Held,
    mark::Mark,
    parts::{Part, cut, names_an_event, split},
    sink::Put,
};

/// Where a pass begins.
#[derive(Debug)]
pub(crate) enum Begin {
    /// Behind the stored mark.
    Marked,
    /// At the beginning, whatever mark there is.
    Anew,
    /// Behind a mark that this process made itself: nothing can be in the target behind it that the mark misses.
    Behind(Mark),
}

/// Copies one stream once.
pub(crate) struct Pass<'a> {
    copier: &'a Copier,
    stream: &'a StreamName,
    report: StreamReport,
    mark: Mark,
    held: Held,
}

impl<'a> Pass<'a> {
    /// Copies what lies between the beginning and `end`, or the present end of the stream.
    pub(crate) async fn run(
        copier: &'a Copier,
        stream: &'a StreamName,
        begin: Begin,
        end: Option<Position>,
    ) -> Result<(StreamReport, Mark), MirrorError> {
        let report = StreamReport::new(stream.clone());
        let mut pass = Self { copier, stream, report, mark: Mark::default(), held: Held::default() };
        match begin {
            Begin::Behind(mark) => pass.mark = mark,
            begin => {
                pass.mark = pass.load_mark().await?;
                if matches!(begin, Begin::Anew) {
                    pass.mark.forget();
                }
                pass.look().await?;
            }
        }
        pass.copy(end).await?;
        if !pass.report.is_quiet() {
            copier.tell(Happening::Done(&pass.report));
        }
        Ok((pass.report, pass.mark))
    }

    async fn copy(&mut self, end: Option<Position>) -> Result<(), MirrorError> {
        loop {
            let start = self.mark.from.clone().map_or(Start::Earliest, Start::After);
            let mut page = self.page(start).await?;
            self.tell_gaps(&page).await?;
            let cut = end.is_some_and(|end| cut(&mut page, end));
            let more = page.more && !cut;
            let next = page.next.clone();
            let all = page.events.len() as u64;
            let fresh: Part = page
                .events
                .into_iter()
                .filter(|delivery| !self.held.has(delivery.event()))
                .map(|Delivery { record, cursor, .. }| (record.event().clone(), cursor))
                .collect();
            let known = all - fresh.len() as u64;
            self.report.already += known;
            self.passed(known);
            if !self.send(fresh, next, all).await? {
                self.begin_anew().await?;
            } else if !more {
                return Ok(());
            }
        }
    }

    /// Sends the fresh events of a page, and keeps the mark at its end. Gives `false` where the target turns out to
    /// have been wiped.
    async fn send(&mut self, fresh: Part, next: Cursor, all: u64) -> Result<bool, MirrorError> {
        if fresh.is_empty()
            && (all == 0 && self.mark.from.is_none() || self.mark.from.as_ref() == Some(&next))
        {
            return Ok(true);
        }
        let mut parts = split(fresh, next, self.copier.options.batch);
        let mut patience = self.copier.patience();
        let mut again = false;
        while let Some((part, from)) = parts.pop_front() {
            let events: Vec<Event> = part.iter().map(|(event, _)| event.clone()).collect();
            let mark = Mark { from: Some(from.clone()), ..self.mark.clone() };
            match self.copier.sink.put(self.stream, &events, mark).await {
                Ok(Put { reset: true, .. }) => return Ok(false),
                Ok(put) => {
                    let sent = events.len() as u64;
                    // What an earlier try has stored was stored by us.
                    self.report.stored += if again { sent } else { put.stored };
                    self.report.already += if again { 0 } else { sent - put.stored };
                    self.mark = put.mark;
                    self.passed(sent);
                    (again, patience) = (false, self.copier.patience());
                }
                Err(MirrorError::Target(error)) if names_an_event(&error, &part) => {
                    self.take_out(part, from, &error, &mut parts);
                }
                Err(error) => {
                    self.copier.wait(&mut patience, error).await?;
                    again = true;
                    match self.look_again(part, &from).await? {
                        Looked::Wiped => return Ok(false),
                        Looked::Kept => {}
                        Looked::Missing(part) => parts.push_front((part, from)),
                    }
                }
            }
        }
        Ok(true)
    }

    /// Puts back what is left of a part without what the target does not take.
    fn take_out(
        &mut self,
        mut part: Part,
        from: Cursor,
        error: &Error,
        parts: &mut VecDeque<(Part, Cursor)>,
    ) {
        let index = match error {
            Error::InvalidEvent { index, .. } => *index,
            _ if part.len() == 1 => 0,
            _ => {
                let tail = part.split_off(part.len() / 2);
                let middle = part.last().map_or_else(|| from.clone(), |(_, cursor)| cursor.clone());
                parts.push_front((tail, from));
                parts.push_front((part, middle));
                return;
            }
        };
        let (event, _) = part.remove(index);
        self.copier.tell(Happening::Refused { stream: self.stream, id: event.id(), error });
        self.report.refused += 1;
        self.passed(1);
        parts.push_front((part, from));
    }

    /// After a try whose outcome is not known: what of a part is still missing.
    async fn look_again(&mut self, part: Part, from: &Cursor) -> Result<Looked, MirrorError> {
        let kept = self.load_mark().await?;
        if kept.from.as_ref() == Some(from) {
            self.report.stored += part.len() as u64;
            self.passed(part.len() as u64);
            self.mark = kept;
            return Ok(Looked::Kept);
        }
        let held = self.read_held(self.mark.to.clone()).await?;
        if held.reset {
            return Ok(Looked::Wiped);
        }
        let before = part.len();
        let missing: Part = part.into_iter().filter(|(event, _)| !held.has(event)).collect();
        let found = (before - missing.len()) as u64;
        self.report.stored += found;
        self.passed(found);
        Ok(Looked::Missing(missing))
    }

    /// Learns what the target has behind the mark.
    async fn look(&mut self) -> Result<(), MirrorError> {
        let behind = self.mark.from.as_ref().and(self.mark.to.clone());
        self.held = self.read_held(behind).await?;
        if self.held.reset {
            self.begin_anew().await?;
        }
        Ok(())
    }

    /// The target was wiped: nothing of the mark holds any more.
    async fn begin_anew(&mut self) -> Result<(), MirrorError> {
        self.copier.tell(Happening::TargetReset { stream: self.stream });
        self.report.target_reset = true;
        self.mark = self.load_mark().await?;
        self.mark.forget();
        self.held = self.read_held(None).await?;
        Ok(())
    }

    async fn tell_gaps(&mut self, page: &Page) -> Result<(), MirrorError> {
        for gap in &page.gaps {
            self.copier.tell(Happening::Gap { stream: self.stream, gap });
            let (from, to) = (gap.from.clone(), gap.to.clone());
            self.report.gaps.push(MirrorGap { reason: gap.reason, from, to });
            if gap.reason == GapReason::Reset {
                // The source begins anew: what it had before may be what it has now.
                self.held = self.read_held(None).await?;
            }
        }
        Ok(())
    }

    async fn page(&self, start: Start) -> Result<Page, MirrorError> {
        let mut patience = self.copier.patience();
        loop {
            match self.copier.source.page(self.stream, start.clone(), self.copier.options.batch).await {
                Ok(page) => return Ok(page),
                Err(error) => self.copier.wait(&mut patience, MirrorError::Source(error)).await?,
            }
        }
    }

    async fn load_mark(&self) -> Result<Mark, MirrorError> {
        let mut patience = self.copier.patience();
        loop {
            match self.copier.sink.mark(self.stream).await {
                Ok(mark) => return Ok(mark),
                Err(error) => self.copier.wait(&mut patience, error).await?,
            }
        }
    }

    async fn read_held(&self, behind: Option<Cursor>) -> Result<Held, MirrorError> {
        let mut patience = self.copier.patience();
        loop {
            match self.copier.sink.held(self.stream, behind.as_ref()).await {
                Ok(held) => return Ok(held),
                Err(error) => self.copier.wait(&mut patience, error).await?,
            }
        }
    }

    fn passed(&self, events: u64) {
        if events > 0 {
            self.copier.tell(Happening::Passed { stream: self.stream, events });
        }
    }
}

/// What a part looks like after a try whose outcome is not known.
enum Looked {
    /// The target was wiped meanwhile.
    Wiped,
    /// Everything was stored, and the mark kept.
    Kept,
    /// This is still missing, and the mark is not kept.
    Missing(Part),
}
