//! Merging adjacent deltas of one part that are waiting.

use std::collections::VecDeque;

use headwater_events::conflate;
use headwater_store::Record;

use crate::{Delivery, Item};

/// Merges runs of adjacent deltas of the same part, from the item at `from` on. The merged event has the last one's
/// id and cursor.
pub(super) fn merge_adjacent(items: &mut VecDeque<Item>, from: usize) {
    let fresh: Vec<Item> = items.drain(from..).collect();
    let mut run: Vec<Delivery> = Vec::new();
    for item in fresh {
        match item {
            Item::Event(next) => {
                let joins = run.last().is_some_and(|last| conflate::same_part(last.event(), next.event()));
                if !joins {
                    flush(items, &mut run);
                }
                run.push(next);
            }
            other => {
                flush(items, &mut run);
                items.push_back(other);
            }
        }
    }
    flush(items, &mut run);
}

fn flush(items: &mut VecDeque<Item>, run: &mut Vec<Delivery>) {
    let merged = (run.len() > 1).then(|| merge(run)).flatten();
    match merged {
        Some(delivery) => items.push_back(Item::Event(delivery)),
        None => items.extend(run.iter().cloned().map(Item::Event)),
    }
    run.clear();
}

fn merge(run: &[Delivery]) -> Option<Delivery> {
    let events: Vec<_> = run.iter().map(Delivery::event).collect();
    let event = conflate::merge(&events)?;
    let last = run.last()?;
    let record = Record::new(
        event,
        last.record.position(),
        last.record.stored_at(),
        last.record.class(),
        last.record.mark(),
    );
    Some(Delivery { record, cursor: last.cursor.clone(), merged: run.iter().map(|d| d.merged).sum() })
}
