//! From a group of calls to answers.

use std::{sync::Arc, time::Duration};

use fjall::PersistMode;
use headwater_events::{Class, Position};
use headwater_store::{Error, StatusKind};

use super::{
    Writer,
    answers::{self, Answer},
    group::{Group, Sources},
    request::{Prepared, Request},
};
use crate::{
    Fsync, buckets::Kind, engine::storage, faults::Fault, meta, metric_definitions as metric, space::Space,
    stats, view::View,
};

/// How many positions are reserved ahead where not every answer is durable.
const BLOCK: u64 = 1 << 16;

impl Writer {
    /// Commits a group and answers everyone in it.
    pub(super) fn commit_group(&mut self, requests: Vec<Request>) {
        let view = match self.view() {
            Ok(view) => view,
            Err(error) => return refuse(requests, || Error::unavailable(&error)),
        };
        let requests = self.turn_away_what_has_no_room(requests, &view);
        if requests.is_empty() {
            return;
        }
        let view = match self.roll(&view, &requests) {
            Ok(view) => view,
            Err(error) => return refuse(requests, || Error::unavailable(&error)),
        };
        match self.build(&view, requests) {
            Ok((group, room)) => {
                self.commit(&view, group);
                drop(room);
            }
            Err((error, answers)) => {
                // Nothing of the group was stored, and what broke it is a read.
                answers::fail(answers, || Error::unavailable(&error));
            }
        }
    }

    /// Opens the buckets that the group needs.
    fn roll(&mut self, view: &Arc<View>, requests: &[Request]) -> Result<Arc<View>, Error> {
        let events = || {
            requests.iter().flat_map(|request| match request {
                Request::Append { events, .. } => events.as_slice(),
                _ => &[],
            })
        };
        if events().next().is_none() {
            return Ok(Arc::clone(view));
        }
        let deltas = events().any(|event| event.class == Class::Transient);
        let now = self.now();
        let due = |kind: Kind| {
            (kind != Kind::Deltas || deltas) && view.buckets.newest(kind).is_none_or(|b| b.end_ms <= now)
        };
        if !Kind::ALL.into_iter().any(due) {
            return Ok(Arc::clone(view));
        }
        let mut next = (**view).clone();
        for kind in Kind::ALL.into_iter().filter(|&kind| due(kind)) {
            self.open_bucket(&mut next, kind, now)?;
        }
        self.show(next);
        self.view()
    }

    /// Opens a bucket and writes it down at once: what is in it is worth nothing otherwise.
    pub(super) fn open_bucket(&self, view: &mut View, kind: Kind, now: i64) -> Result<(), Error> {
        let options = &self.shared.options;
        let policy = (&options.retention, options.dedup_window);
        if view.buckets.roll(&view.engine.db, kind, self.end.position.next(), now, policy)? {
            let mut batch = view.engine.db.batch();
            view.buckets.note(kind, &view.engine.meta, &mut batch);
            batch.commit().map_err(storage)?;
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn build(
        &mut self,
        view: &Arc<View>,
        requests: Vec<Request>,
    ) -> Result<(Group, Vec<tokio::sync::OwnedSemaphorePermit>), (Error, Vec<Answer>)> {
        let now = self.now();
        let dedup_since = self.dedup_since(now);
        let batch = fjall::OwnedWriteBatch::with_capacity(view.engine.db.clone(), requests.len() * 6);
        let mut group = Group::new(batch, self.end, now, self.state_version, self.runs.next_slip());
        let mut sources = Sources { view, recent: &self.recent, cache: &mut self.runs, dedup_since };
        let mut rooms = Vec::new();
        let mut broken = None;
        for request in requests {
            let built = match request {
                Request::Append { events, room, reply } => {
                    rooms.push(room);
                    group.append(events, reply, &mut sources)
                }
                Request::Put { key, value, expected, reply } => group
                    .put_state(&key, &value, expected, view)
                    .map(|result| group.answers.push(Answer::Put(reply, result))),
                Request::Delete { key, expected, reply } => group
                    .delete_state(&key, expected, view)
                    .map(|result| group.answers.push(Answer::Delete(reply, result))),
                Request::Control(_) => Ok(()),
            };
            if let Err(error) = built {
                broken = Some(error);
                break;
            }
        }
        if group.slip.is_none() && broken.is_none() {
            broken = group.catch_up(&mut sources).err();
        }
        match broken {
            // Replies that were not reached are dropped, which their callers see as unavailable.
            Some(error) => Err((error, group.answers)),
            None => {
                group.finish(view);
                Ok((group, rooms))
            }
        }
    }

    fn commit(&mut self, view: &Arc<View>, mut group: Group) {
        if group.is_empty() {
            return self.desk.send(group.answers);
        }
        self.recent.spill(&view.buckets, 2 * group.prints.len(), &mut group.batch);
        let durable = self.reserve(view, &mut group);
        let mode = if durable { PersistMode::SyncData } else { PersistMode::Buffer };
        let Group { batch, now, end, records, prints, runs, slip, late, state_version, .. } = group;
        let (duplicates, answers) = (group.duplicates, group.answers);
        let started = std::time::Instant::now();
        let committed = match self.shared.faults.next() {
            None => batch.durability(Some(mode)).commit(),
            Some(fault) => broken(batch.durability(Some(mode)), fault),
        };
        let took = started.elapsed();
        self.last_commit = took;
        if let Err(error) = committed {
            self.fail(&error, records);
            let reason = error.to_string();
            return answers::fail(answers, || Error::Unknown { reason: reason.clone() });
        }
        self.unsynced = !durable;
        let bytes =
            end.durable.bytes + end.transient.bytes - self.end.durable.bytes - self.end.transient.bytes;
        self.count(durable, records.len(), bytes, duplicates, took);
        self.state_version = state_version;
        let since = self.dedup_since(now);
        for print in prints {
            self.recent.add(print.print, print.position, now, since);
        }
        for (key, run) in runs {
            self.runs.put(key, run.record);
        }
        match slip {
            None => self.runs.caught_up(),
            Some(_) if late.is_empty() => {}
            Some(_) => self.runs.add_late(late),
        }
        let mut evicted = None;
        if !records.is_empty() {
            self.end = end;
            // An old mark only weakens the check that is made at the next opening.
            if let Err(error) = self.mark.set(end.position) {
                tracing::warn!(%error, "the mark was not written");
            }
            self.shared.set_tail(end.position);
            evicted = Some(self.shared.ring.push(records.into()));
        }
        self.desk.send(answers);
        // Nobody waits for what this frees.
        drop(evicted);
    }

    /// Whether the commit must reach the disk before it is answered: always, or because it reserves positions.
    fn reserve(&mut self, view: &View, group: &mut Group) -> bool {
        if self.shared.options.fsync == Fsync::Always {
            return true;
        }
        if group.end.position <= self.reserved {
            return false;
        }
        self.reserved = Position(group.end.position.0.saturating_add(BLOCK));
        meta::put_reserved(&mut group.batch, &view.engine.meta, self.reserved.0);
        true
    }

    fn count(&self, durable: bool, events: usize, bytes: u64, duplicates: u64, took: Duration) {
        let counters = &self.shared.counters;
        stats::add(&counters.commits, 1);
        stats::add(&counters.fsyncs, u64::from(durable));
        stats::add(&counters.events, events as u64);
        stats::add(&counters.bytes, bytes);
        stats::add(&counters.duplicates, duplicates);
        metrics::counter!(metric::COMMITS).increment(1);
        metrics::counter!(metric::EVENTS).increment(events as u64);
        metrics::counter!(metric::EVENT_BYTES).increment(bytes);
        metrics::counter!(metric::DUPLICATES).increment(duplicates);
        metrics::histogram!(metric::COMMIT_EVENTS).record(super::count(events));
        metrics::histogram!(metric::COMMIT_SECONDS).record(took.as_secs_f64());
    }

    /// Refuses appends and writes of state while there is no room; what frees room goes on.
    fn turn_away_what_has_no_room(&mut self, requests: Vec<Request>, view: &View) -> Vec<Request> {
        let bytes = requests.iter().map(weight).sum::<u64>();
        let Err(full) = self.room_for(bytes, view) else {
            self.shared.set_ready();
            return requests;
        };
        self.shared.set_status(StatusKind::ReadOnly, full.to_string());
        let mut rest = Vec::new();
        for request in requests {
            match request {
                Request::Append { reply, .. } => drop(reply.send(Err(copy_of(&full)))),
                Request::Put { reply, .. } => drop(reply.send(Err(copy_of(&full)))),
                other => rest.push(other),
            }
        }
        rest
    }

    fn room_for(&self, bytes: u64, view: &View) -> Result<(), Error> {
        let space = Space::of(self.folder.path(), self.shared.options.reserve)?;
        metrics::gauge!(metric::FREE_BYTES).set(space.free_for_gauge());
        // What is in memory is written a second time when it goes from the journal into tables.
        space.check(bytes.saturating_mul(2).saturating_add(view.engine.db.write_buffer_size()))
    }

    /// Keeps the status true while nobody appends.
    pub(super) fn look_at_space(&self) {
        if let Some(view) = &self.view {
            match self.room_for(0, view) {
                Ok(()) => self.shared.set_ready(),
                Err(error) => self.shared.set_status(StatusKind::ReadOnly, error.to_string()),
            }
        }
    }
}

/// A commit that fails on demand.
fn broken(batch: fjall::OwnedWriteBatch, fault: Fault) -> Result<(), fjall::Error> {
    if fault == Fault::After {
        batch.commit()?;
    }
    Err(fjall::Error::Io(std::io::Error::other("made to fail")))
}

fn weight(request: &Request) -> u64 {
    match request {
        Request::Append { events, .. } => {
            let put = |e: &Prepared| e.json.len() + 3 * e.run.len() + 256;
            events.iter().map(put).sum::<usize>() as u64
        }
        Request::Put { key, value, .. } => (key.len() + value.len()) as u64,
        Request::Delete { .. } | Request::Control(_) => 0,
    }
}

fn copy_of(error: &Error) -> Error {
    match error {
        Error::Full { reason } => Error::Full { reason: reason.clone() },
        other => Error::unavailable(other),
    }
}

/// Answers everyone with one error.
fn refuse(requests: Vec<Request>, error: impl Fn() -> Error) {
    for request in requests {
        match request {
            Request::Append { reply, .. } => drop(reply.send(Err(error()))),
            Request::Put { reply, .. } => drop(reply.send(Err(error()))),
            Request::Delete { reply, .. } => drop(reply.send(Err(error()))),
            Request::Control(_) => {}
        }
    }
}
