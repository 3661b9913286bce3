//! What a reader has ready: items in order, and the place they reach.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use headwater_events::{Cursor, Epoch, Filter, Position};
use headwater_store::{GapReason, Record};

use super::conflate;
use crate::{Delivery, Gap, Item, metric_definitions as m};

/// Turns records into items: filters, puts `CaughtUp` in its place, follows the run's end, merges where asked.
pub(crate) struct Output {
    items: VecDeque<Item>,
    filter: Filter,
    /// Everything up to here was turned into items, hidden, or told as a gap.
    cursor: Cursor,
    /// Where to resume behind the last item that was handed over, while others wait.
    handed: Cursor,
    /// Behind this place, what comes is live.
    tail: Position,
    caught_up: bool,
    /// The run's terminal event lies at or before the cursor, and nothing reopened it.
    ended: bool,
    conflate: bool,
    reached: Arc<Reached>,
}

/// How far a reader has come that waits with nothing left to hand over, for whoever cannot ask it meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Reached(AtomicU64);

impl Reached {
    pub(crate) fn get(&self) -> Position {
        Position(self.0.load(Ordering::Acquire))
    }

    fn set(&self, position: Position) {
        self.0.store(position.0, Ordering::Release);
    }
}

fn count(gap: &Gap) {
    metrics::counter!(m::READER_GAPS, "reason" => gap.reason.as_str()).increment(1);
}

impl Output {
    pub(crate) fn new(
        cursor: Cursor,
        tail: Position,
        filter: Filter,
        conflate: bool,
        gap: Option<Gap>,
    ) -> Self {
        let handed = gap.as_ref().map_or(cursor.clone(), |gap| gap.from.clone());
        let items = gap.into_iter().inspect(count).map(Item::Gap).collect();
        Self {
            items,
            filter,
            cursor,
            handed,
            tail,
            caught_up: false,
            ended: false,
            conflate,
            reached: Arc::default(),
        }
    }

    pub(crate) fn position(&self) -> Position {
        self.cursor.position()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.cursor.epoch()
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }

    /// Behind this place, what comes is live.
    pub(crate) fn tail(&self) -> Position {
        self.tail
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the terminal event lies at or before the cursor, though the reader may not have come across it.
    pub(crate) fn set_ended(&mut self, ended: bool) {
        self.ended = ended;
    }

    /// Takes records in order; those at or before the cursor are known already.
    pub(crate) fn records(&mut self, records: Vec<Record>) {
        let from = self.items.len();
        self.items.reserve(records.len());
        for record in records {
            if record.position() <= self.cursor.position() {
                continue;
            }
            if record.position() > self.tail {
                self.caught_up();
            }
            self.cursor = self.cursor.at(record.position());
            if record.mark() != headwater_events::Mark::None {
                self.ended = record.mark().ends();
            }
            if self.filter.is_all() || self.filter.matches(record.event()) {
                self.items.push_back(Item::Event(Delivery {
                    record,
                    cursor: self.cursor.clone(),
                    merged: 1,
                }));
            }
        }
        if self.conflate {
            let before = self.items.len();
            conflate::merge_adjacent(&mut self.items, from);
            metrics::counter!(m::READER_CONFLATED).increment((before - self.items.len()) as u64);
        }
    }

    /// Tells of something missing.
    pub(crate) fn gap(&mut self, gap: headwater_store::Gap) {
        let item = Gap {
            from: self.cursor.at(gap.from),
            to: self.cursor.at(gap.to),
            reason: gap.reason,
            stream: gap.stream,
        };
        count(&item);
        self.items.push_back(Item::Gap(item));
    }

    /// Nothing else of the scope lies up to `upto`.
    pub(crate) fn advance(&mut self, upto: Position) {
        self.cursor = self.cursor.at(self.cursor.position().max(upto));
    }

    /// History is delivered: says so, once.
    pub(crate) fn caught_up(&mut self) {
        if !self.caught_up {
            self.caught_up = true;
            self.items.push_back(Item::CaughtUp(self.cursor.clone()));
        }
    }

    /// The log was replaced: says so, and what comes next is behind `cursor` in the new one.
    pub(crate) fn begin_anew(&mut self, cursor: Cursor, tail: Position) {
        let gap =
            Gap { from: self.cursor.clone(), to: cursor.clone(), reason: GapReason::Reset, stream: None };
        count(&gap);
        self.items.push_back(Item::Gap(gap));
        (self.cursor, self.tail, self.ended) = (cursor, tail, false);
        self.reached.set(Position::ZERO);
    }

    /// Waits with nothing to hand over.
    pub(crate) fn rests(&self) {
        self.reached.set(self.cursor.position());
    }

    pub(crate) fn reached(&self) -> &Arc<Reached> {
        &self.reached
    }

    pub(crate) fn end(&mut self) {
        self.items.push_back(Item::End(self.cursor.clone()));
    }

    /// Moves up to `max` items over. Gives whether there were any.
    pub(crate) fn hand_over(&mut self, out: &mut VecDeque<Item>, max: usize) -> bool {
        if self.items.is_empty() {
            return false;
        }
        if self.items.len() <= max && out.is_empty() {
            std::mem::swap(out, &mut self.items);
        } else {
            let take = self.items.len().min(max);
            out.extend(self.items.drain(..take));
        }
        self.handed = out.back().map_or(self.handed.clone(), Item::cursor);
        true
    }

    /// Where to resume behind what was handed over.
    pub(crate) fn handed_over(&self) -> Cursor {
        if self.items.is_empty() { self.cursor.clone() } else { self.handed.clone() }
    }
}
