//! The log itself: what stands under the mutex.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
};

use headwater_events::{Class, Lane, Position, StreamName, Tenant, lane_of};
use jiff::Timestamp;

use super::{
    MemoryOptions,
    dedup::{Dedup, First},
    numbered::Numbered,
    order::Order,
    refs::Refs,
    stream::{Gone, Kind, Stream, StreamId},
};
use crate::{Append, Appended, Error, Page, ReadScope, Record, Retention, RunRecord};

pub(super) struct Log {
    pub(super) tenants: HashMap<Tenant, TenantLog>,
    pub(super) streams: Numbered<StreamId, Stream>,
    pub(super) lanes: Vec<Refs>,
    /// By [`Kind`].
    pub(super) orders: [Order; 2],
    /// Runs that ended, in that order: when, which, and where.
    pub(super) ended: [VecDeque<(i64, StreamId, Position)>; 2],
    /// Streams that have nothing left: they are remembered, so that readers are told.
    pub(super) emptied: VecDeque<(StreamId, Position)>,
    /// Names whose run was taken whole, in that order.
    pub(super) gone: VecDeque<(Tenant, StreamName, Position)>,
    /// Up to here there may have been events that nothing is known of any more.
    pub(super) forgotten: Position,
    pub(super) retention: Retention,
    pub(super) max_bytes: usize,
    dedup: Dedup,
    tail: Position,
    last_stream: u64,
    closed: bool,
}

#[derive(Default)]
pub(super) struct TenantLog {
    pub(super) names: BTreeMap<StreamName, StreamId>,
    pub(super) gone: HashMap<StreamName, Gone>,
    pub(super) refs: Refs,
    pub(super) lanes: Numbered<Lane, Refs>,
}

impl Log {
    pub(super) fn new(options: &MemoryOptions) -> Self {
        Self {
            tenants: HashMap::new(),
            streams: Numbered::default(),
            lanes: (0..options.lanes.max(1)).map(|_| Refs::default()).collect(),
            orders: Default::default(),
            ended: Default::default(),
            emptied: VecDeque::new(),
            gone: VecDeque::new(),
            forgotten: Position::ZERO,
            retention: options.retention,
            max_bytes: options.max_bytes,
            dedup: Dedup::new(options.dedup_window, options.dedup_ids),
            tail: Position::ZERO,
            last_stream: 0,
            closed: false,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closes the log and lets go of what it holds.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        let options = MemoryOptions { dedup_window: None, lanes: 1, ..MemoryOptions::default() };
        *self = Self { closed: true, ..Self::new(&options) };
        Ok(())
    }

    pub(super) fn tail(&self) -> Position {
        self.tail
    }

    /// The answer to an append, and the records that are new.
    pub(super) fn append(&mut self, batch: Vec<Append>, now: Timestamp) -> (Vec<Appended>, Vec<Record>) {
        let now_ms = now.as_millisecond();
        let mut answer = Vec::with_capacity(batch.len());
        let mut new = Vec::with_capacity(batch.len());
        let mut last: Option<StreamId> = None;
        for append in batch {
            let key = self.dedup.key(&append);
            // An event that was deleted with its stream stands nowhere: it may be stored again.
            let first = self.dedup.find(key, now_ms).filter(|first| self.streams.contains_key(&first.stream));
            if let Some(first) = first {
                let stored_at = Timestamp::from_millisecond(first.stored_at).unwrap_or(now);
                answer.push(Appended { position: first.position, stored_at, duplicate: true });
                continue;
            }
            let position = self.tail.next();
            self.tail = position;
            let Append { event, tenant, stream, class, mark } = append;
            let record = Record::new(event, position, now, class, mark);
            let id = self.put(tenant, stream, &record, last);
            self.dedup.insert(key, First { position, stored_at: now_ms, stream: id });
            last = Some(id);
            answer.push(Appended { position, stored_at: record.stored_at(), duplicate: false });
            new.push(record);
        }
        self.enforce(now_ms);
        (answer, new)
    }

    /// Puts a record in its places. `last` is where the record before it went: most often the same stream.
    fn put(&mut self, tenant: Tenant, name: StreamName, record: &Record, last: Option<StreamId>) -> StreamId {
        let is_last =
            |id: &StreamId| self.streams.get(id).is_some_and(|s| s.name == name && s.tenant == tenant);
        let known = last.filter(is_last).or_else(|| self.tenants.get(&tenant)?.names.get(&name).copied());
        let (id, is_new) = known.map_or_else(|| (self.begin(tenant, name, record), true), |id| (id, false));
        self.orders[Kind::of(record.class()) as usize].push(record, id);
        let Some(stream) = self.streams.get_mut(&id) else {
            return id;
        };
        if !is_new {
            stream.push(record);
        }
        if record.class() == Class::Durable {
            self.lanes[usize::from(stream.lane.0)].push(record);
            if let Some(tenant) = self.tenants.get_mut(&stream.tenant) {
                tenant.refs.push(record);
                tenant.lanes.entry(stream.lane).or_default().push(record);
            }
        }
        if let (true, Some(at)) = (record.mark().ends(), stream.run.ended_at) {
            for ended in &mut self.ended {
                ended.push_back((at, id, record.position()));
            }
        }
        id
    }

    fn begin(&mut self, tenant: Tenant, name: StreamName, record: &Record) -> StreamId {
        self.last_stream += 1;
        let id = StreamId(self.last_stream);
        let lane =
            lane_of(tenant.as_str(), name.as_str(), u16::try_from(self.lanes.len()).unwrap_or(u16::MAX));
        let names = self.tenants.entry(tenant.clone()).or_default();
        let gone = names.gone.get(&name).copied();
        names.names.insert(name.clone(), id);
        self.streams.insert(id, Stream::new(tenant, name, lane, record, gone));
        id
    }

    pub(super) fn find(&self, tenant: &Tenant, name: &StreamName) -> Option<(StreamId, &Stream)> {
        let id = *self.tenants.get(tenant)?.names.get(name)?;
        self.streams.get(&id).map(|stream| (id, stream))
    }

    pub(super) fn read(&self, scope: &ReadScope, after: Position, limit: usize, max_bytes: usize) -> Page {
        let tail = self.tail;
        let refs = match scope {
            ReadScope::Stream(tenant, name, classes) => {
                return match self.find(tenant, name) {
                    Some((_, stream)) => stream.read(*classes, after, tail, limit, max_bytes),
                    None => self.nothing(tenant, name, after),
                };
            }
            ReadScope::Tenant(tenant) => self.tenants.get(tenant).map(|tenant| &tenant.refs),
            ReadScope::Lane(lane) => self.lanes.get(usize::from(lane.0)),
            ReadScope::TenantLane(tenant, lane) => self.tenants.get(tenant).and_then(|t| t.lanes.get(lane)),
        };
        match refs {
            Some(refs) => refs.read(after, tail, limit, max_bytes),
            None => Page { next: after.max(tail), ..Page::default() },
        }
    }

    /// A page of a stream that is not there.
    fn nothing(&self, tenant: &Tenant, name: &StreamName, after: Position) -> Page {
        let mut page = Page { next: after.max(self.tail), ..Page::default() };
        if let Some(gone) = self.tenants.get(tenant).and_then(|tenant| tenant.gone.get(name)) {
            page.tell_gone(after, *gone);
        } else if after > Position::ZERO {
            // Whoever comes back from so long ago may have left something here.
            page.tell(after, self.forgotten, crate::GapReason::Retention, None);
        }
        page
    }

    pub(super) fn run(&self, tenant: &Tenant, name: &StreamName) -> Option<RunRecord> {
        self.find(tenant, name).map(|(_, stream)| stream.run)
    }

    pub(super) fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Vec<(StreamName, RunRecord)> {
        let Some(tenant) = self.tenants.get(tenant) else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = tenant.names.range::<StreamName, _>((start, Bound::Unbounded)).take(limit);
        names.filter_map(|(name, id)| Some((name.clone(), self.streams.get(id)?.run))).collect()
    }
}
