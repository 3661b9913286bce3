//! A subscription over the local log: history, then live, joined by position.
//!
//! ```text
//!   register with the hub ──► the ring holds everything behind its floor
//!   read the log          ──► until the reader stands at or behind the floor
//!   read the ring         ──► wait, take, repeat; fall out of the ring: read the log again
//! ```
//!
//! Registration comes first, so that nothing can be missed between the two; positions decide what is new, so that
//! nothing is delivered twice.

mod conflate;
mod feed;
mod history;
mod lanes;
mod output;

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use headwater_events::{Cursor, Lane, Position, Scope};
use headwater_store::{GapReason, Record, Store};

use crate::{
    Error, Gap, Item, Lag, Overflow, Source, Start, Subscription,
    hub::{Hub, Registration, Taken, Told},
    metric_definitions as m,
};
pub(crate) use feed::Feed;
pub(crate) use history::History;
pub(crate) use lanes::{LaneSource, Lanes};
use output::Output;
pub(crate) use output::Reached;

/// How many records are read from the log at once.
const PAGE: usize = 1024;
/// How many bytes of them, about.
const PAGE_BYTES: usize = 1024 * 1024;

/// A reader of one stream, of several, or of a tenant.
pub(crate) struct Reader {
    store: Arc<dyn Store>,
    history: History,
    place: Registration,
    overflow: Overflow,
    out: Output,
    told: Told,
    /// Trimmed deltas up to here were told.
    trimmed: Position,
    /// What retention removed up to here was told.
    removed: Position,
    /// Not every event passed by here: whether the run has ended must be asked.
    unsure: bool,
    /// Was live at least once: from then on the overflow policy holds.
    live: bool,
    over: bool,
}

impl Reader {
    /// Registers with the hub and resolves where to begin. From here on nothing of the scope can be missed.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        hub: &Arc<Hub>,
        subscription: Subscription,
        lane: Option<Lane>,
    ) -> Result<Self, Error> {
        let Subscription { scope, filter, start, overflow } = subscription;
        let place = hub.register(&scope, lane).await?;
        let told = place.ring().told();
        let begin = Begin::resolve(&*store, &scope, lane, start).await?;
        let conflate = overflow == Overflow::Conflate;
        let out = Output::new(begin.cursor, begin.tail, filter, conflate, begin.gap);
        Ok(Self {
            history: History::new(Arc::clone(&store), scope, lane),
            store,
            place,
            overflow,
            out,
            told,
            trimmed: Position::ZERO,
            removed: Position::ZERO,
            unsure: true,
            live: false,
            over: false,
        })
    }

    /// How far it has come while it waits.
    pub(crate) fn reached(&self) -> &Arc<Reached> {
        self.out.reached()
    }

    /// Whether the scope is one stream, which can end.
    fn can_end(&self) -> bool {
        matches!(self.history.scope(), Scope::Stream(..))
    }

    /// At the end of what there is: says so, once, and learns whether the run has ended. A reader that began behind
    /// the terminal event, or dropped it, or lost it to retention, has not come across it.
    async fn caught_up(&mut self) -> Result<(), Error> {
        if self.unsure {
            let run = self.history.run().await?;
            // While more of the run is on its way here, it is not sure yet.
            let seen = run.is_none_or(|run| run.last <= self.out.position());
            if let Some(run) = run.filter(|_| seen) {
                self.out.set_ended(run.is_ended());
            }
            self.unsure = !seen;
        }
        self.out.caught_up();
        Ok(())
    }

    /// Reads one page of the log.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let floor = self.place.ring().floor();
        let page = self.history.page(self.out.position(), PAGE, PAGE_BYTES).await?;
        for gap in page.gaps {
            self.tell(gap).await?;
        }
        self.out.records(page.records);
        // With nothing more in the log the scope was read at least up to where the ring begins, and up to the end
        // that the log had when the reader came.
        let upto = if page.more { page.next } else { page.next.max(floor).max(self.out.tail()) };
        self.out.advance(upto);
        Ok(())
    }

    /// Tells of a gap. What retention took from one stream is told once as a whole, though every page that crosses it
    /// has its part.
    async fn tell(&mut self, mut gap: headwater_store::Gap) -> Result<(), Error> {
        let sparse = matches!(gap.reason, GapReason::Trimmed | GapReason::Retention);
        if sparse && let Some(run) = self.history.run().await? {
            let told = if gap.reason == GapReason::Trimmed { &mut self.trimmed } else { &mut self.removed };
            if gap.to <= *told {
                return Ok(());
            }
            let whole = if gap.reason == GapReason::Trimmed { run.trimmed } else { run.removed };
            gap.from = gap.from.max(*told);
            gap.to = gap.to.max(whole);
            *told = gap.to;
        }
        self.out.gap(gap);
        Ok(())
    }

    /// The reader fell out of the ring, or has more waiting than it wants: what its policy says.
    async fn overrun(&mut self) -> Result<(), Error> {
        match self.overflow {
            Overflow::CatchUp | Overflow::Conflate => {
                metrics::counter!(m::READER_CATCH_UPS).increment(1);
                self.live = false;
                Ok(())
            }
            Overflow::Disconnect => Err(Error::SlowConsumer { cursor: self.out.cursor() }),
            Overflow::DropOldest(_) => {
                let floor = self.place.ring().floor();
                self.drop_to(floor);
                Ok(())
            }
        }
    }

    fn drop_to(&mut self, to: Position) {
        self.out.gap(headwater_store::Gap {
            from: self.out.position(),
            to,
            reason: GapReason::Overflow,
            stream: None,
        });
        self.out.advance(to);
        self.unsure = true;
    }

    /// Takes what the ring holds. Gives whether anything came of it.
    async fn take(&mut self, max: usize) -> Result<bool, Error> {
        let max = if let Overflow::DropOldest(_) = self.overflow { usize::MAX } else { max };
        // A log that was replaced has other positions, and history would be read at the wrong ones.
        if self.out.epoch() != self.store.epoch() {
            return self.begin_anew().await.map(|()| true);
        }
        // The hub may not have come as far as the log was when the reader came: its ring does not say what is history.
        if !self.live && self.out.position() < self.out.tail() {
            return self.catch_up().await.map(|()| true);
        }
        match self.place.ring().take(self.out.position(), max, self.told) {
            Taken::Records { records, upto, waiting } => {
                self.live = true;
                let records = self.keep_newest(records, waiting);
                self.out.records(records);
                self.out.advance(upto);
                Ok(true)
            }
            Taken::Nothing { upto } => {
                self.live = true;
                self.out.advance(upto);
                let was = self.out.len();
                self.caught_up().await?;
                if self.can_end() && self.out.ended() {
                    self.out.end();
                    self.over = true;
                }
                Ok(self.out.len() > was)
            }
            Taken::Behind if self.live => self.overrun().await.map(|()| true),
            Taken::Behind => self.catch_up().await.map(|()| true),
            Taken::Deleted { number, stream, to } => {
                self.told.deletions = number;
                let single = self.can_end();
                let to = to.max(self.out.position());
                let stream = (!single).then_some(stream);
                let gap = headwater_store::Gap {
                    from: self.out.position(),
                    to,
                    reason: GapReason::Deleted,
                    stream,
                };
                self.out.gap(gap);
                if single {
                    self.out.advance(to);
                }
                Ok(true)
            }
            Taken::Reset => self.begin_anew().await.map(|()| true),
            Taken::Closed => Err(headwater_store::Error::Closed.into()),
        }
    }

    /// The log was replaced: says so, and goes on from the oldest of the new one.
    async fn begin_anew(&mut self) -> Result<(), Error> {
        let (scope, lane) = (self.history.scope(), self.history.lane());
        let told = self.place.ring().told();
        let begin = Begin::resolve(&*self.store, scope, lane, Start::Earliest).await?;
        self.told = told;
        (self.trimmed, self.removed) = (Position::ZERO, Position::ZERO);
        (self.unsure, self.live) = (true, false);
        self.out.begin_anew(begin.cursor, begin.tail);
        Ok(())
    }

    /// With `drop_oldest(n)`: only the newest n of what waits, and a gap for the rest.
    fn keep_newest(&mut self, mut records: Vec<Record>, waiting: usize) -> Vec<Record> {
        if let Overflow::DropOldest(keep) = self.overflow
            && waiting > keep
            && self.out.is_caught_up()
        {
            let dropped = records.len() - keep.min(records.len());
            let newest = records.split_off(dropped);
            metrics::counter!(m::READER_DROPPED).increment(dropped as u64);
            if let Some(last) = records.last() {
                self.drop_to(last.position());
            }
            return newest;
        }
        records
    }
}

#[async_trait]
impl Source for Reader {
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error> {
        // A reader of a long history never waits for anything else: let others run now and then.
        tokio::task::consume_budget().await;
        loop {
            if self.out.hand_over(out, max) {
                return Ok(true);
            }
            if self.over {
                return Ok(false);
            }
            if !self.take(max).await? && self.out.is_empty() {
                self.out.rests();
                self.place.ring().changed(self.out.position(), self.told).await;
            }
        }
    }

    fn cursor(&self) -> Cursor {
        self.out.handed_over()
    }

    fn lag(&self) -> Lag {
        match self.place.ring().waiting(self.out.position()) {
            Some(waiting) => Lag::Events((waiting + self.out.len()) as u64),
            None => Lag::BehindTheHub,
        }
    }
}

/// Where a reader begins, resolved once.
pub(crate) struct Begin {
    pub(crate) cursor: Cursor,
    pub(crate) position: Position,
    /// The end of the log when the reader came: behind it, what comes is live.
    pub(crate) tail: Position,
    pub(crate) gap: Option<Gap>,
}

impl Begin {
    pub(crate) async fn resolve(
        store: &dyn Store,
        scope: &Scope,
        lane: Option<Lane>,
        start: Start,
    ) -> Result<Self, Error> {
        let tail = match lane {
            Some(lane) => store.lane_tail(lane).await?,
            None => store.tail().await?,
        };
        let (print, epoch) = (scope.print(), store.epoch());
        let at = |position| Cursor::new(print, epoch, position);
        let (position, gap) = match start {
            Start::Earliest => (Position::ZERO, None),
            Start::Live => (tail, None),
            Start::After(cursor) if cursor.scope() != print => return Err(Error::ForeignCursor),
            Start::After(cursor) if cursor.epoch() != epoch || cursor.position() > tail => {
                let (from, to) = (cursor, at(Position::ZERO));
                (Position::ZERO, Some(Gap { from, to, reason: GapReason::Reset, stream: None }))
            }
            Start::After(cursor) => (cursor.position(), None),
        };
        Ok(Self { cursor: at(position), position, tail, gap })
    }
}
