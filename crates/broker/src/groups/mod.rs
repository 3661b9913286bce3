//! Consumer groups: a run's events to one worker at a time, in order, until they are settled.
//!
//! ```text
//!   lane value ──► mark, lease, held runs            one compare-and-set a round, whoever the owner asks
//!   log        ──► events behind the mark             ──► given out, run by run ──► settled ──► acked below the mark
//! ```
//!
//! A group's state is one value for each lane in the store's table, and nothing else: any process can take a lane
//! over, and what it does not know it reads from the log.

mod activity;
mod codec;
mod engine;
mod face;
mod info;
mod keys;
mod lane;
pub(crate) mod lease;
mod letters;
mod log;
mod lost;
mod queue;
mod run;
mod state;
mod stored;
mod workers;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Epoch, GroupName, Place, Position, Scope, Tenant};
use headwater_store::{Clock, Error as StoreError, Store};
use tokio::sync::{OnceCell, mpsc, oneshot};

use self::{
    engine::{Answer, Call, Engine},
    letters::How,
    run::Run,
    state::Reopened,
    stored::{Settings, Stored},
};
use crate::{
    Error, Start,
    api::groups::{DeadLetter, DeadLetterFilter, Group, GroupConfig, GroupInfo},
    reader::Lanes,
};

/// How many calls of a group may wait.
const CALLS: usize = 4096;

/// How often a group is asked that stops before it answers.
const ASKS: usize = 3;

type Work = Arc<OnceCell<mpsc::Sender<Call>>>;

/// The groups of a broker.
pub(crate) struct Groups {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    at_work: Mutex<HashMap<Group, Work>>,
}

impl Groups {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, at_work: Mutex::default() }
    }

    /// Creates a group, or gives it another configuration.
    pub(crate) async fn put(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error> {
        config.check()?;
        let key = keys::config(group);
        loop {
            let found = self.store.get(&key).await?;
            let (settings, expected, is_new) = match &found {
                Some(entry) => {
                    let old = Settings::decode(entry)
                        .ok_or_else(|| StoreError::corrupt(None, format!("the settings of group {group}")))?;
                    (Settings { config: config.clone(), ..old }, Some(entry.version), false)
                }
                None => {
                    let (epoch, begin) = self.begin(group, &start).await?;
                    let life = RandomState::new().hash_one(self.clock.now().as_nanosecond());
                    (Settings::new(config.clone(), life, epoch, &begin), None, true)
                }
            };
            match self.store.put(&key, settings.encode()?, expected).await {
                Ok(_) => {
                    self.changed(group);
                    return Ok(is_new);
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn begin(&self, group: &Group, start: &Start) -> Result<(Epoch, Place), Error> {
        let epoch = self.store.epoch();
        let vector = self.store.capabilities().vector_positions;
        let place = match start {
            Start::Earliest => Place::One(Position::ZERO),
            Start::Live if vector => Lanes::tail(&*self.store).await?,
            Start::Live => Place::One(self.store.tail().await?),
            Start::After(cursor) => {
                let print = group.tenant.clone().map(|tenant| Scope::Tenant(tenant).print());
                if print != Some(cursor.scope()) {
                    return Err(Error::ForeignCursor);
                }
                return Ok((cursor.epoch(), cursor.place().clone()));
            }
        };
        Ok((epoch, place))
    }

    /// Deletes a group: its settings first, so that everybody stops.
    pub(crate) async fn delete(&self, group: &Group) -> Result<bool, Error> {
        let mut was = false;
        loop {
            let stored = Stored::read(&*self.store, group).await?;
            was |= stored.settings.is_some();
            let settings = stored.settings.map(|(_, entry)| entry);
            let entries: Vec<_> = settings
                .into_iter()
                .chain(stored.lanes.into_values())
                .chain(stored.workers.into_values())
                .collect();
            if entries.is_empty() {
                self.changed(group);
                return Ok(was);
            }
            for entry in entries {
                match self.store.delete(&entry.key, entry.version).await {
                    Ok(()) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    /// The groups of a scope, in the order of their names.
    pub(crate) async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error> {
        let prefix = keys::scope(tenant);
        let (mut infos, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.store.list(&prefix, after.as_deref(), 1).await?;
            let Some(entry) = page.first() else { return Ok(infos) };
            let name = entry.key[prefix.len()..].split('/').next().unwrap_or_default();
            if let Ok(name) = GroupName::new(name.to_owned()) {
                let group = Group { tenant: tenant.cloned(), name };
                infos.extend(self.info(&group).await?);
            }
            // Behind everything of this group.
            after = Some(format!("{prefix}{name}0"));
        }
    }

    /// Asks a group at work, which begins if nobody has asked before. Asked again where the group stopped without an
    /// answer: every call may be made twice.
    async fn ask<T>(&self, group: &Group, call: impl Fn(Answer<T>) -> Call) -> Result<T, Error> {
        for _ in 0..ASKS {
            let work = Arc::clone(self.lock().entry(group.clone()).or_default());
            let begin = || async {
                let engine =
                    Engine::open(Arc::clone(&self.store), Arc::clone(&self.clock), group.clone()).await?;
                let (calls, queue) = mpsc::channel(CALLS);
                tokio::spawn(engine.ok_or(Error::NoGroup)?.run(queue));
                Ok::<_, Error>(calls)
            };
            let (answer, answered) = oneshot::channel();
            if work.get_or_try_init(begin).await?.send(call(answer)).await.is_ok()
                && let Ok(answer) = answered.await
            {
                return answer;
            }
            self.lock().retain(|_, other| !Arc::ptr_eq(other, &work));
        }
        Err(StoreError::unavailable("the group stopped").into())
    }

    /// Tells a group at work to look at what is stored.
    fn changed(&self, group: &Group) {
        let work = self.lock().get(group).cloned();
        if let Some(calls) = work.as_ref().and_then(|work| work.get()) {
            // A queue that is full is looked at soon anyway.
            let _ = calls.try_send(Call::Changed);
        }
    }

    /// The open dead letters behind a position that a filter means, in order, `limit` of them and those at the last one's
    /// position.
    pub(crate) async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let settings = self.store.get(&keys::config(group)).await?;
        let keep = settings.and_then(|entry| Settings::decode(&entry)?.config.dead_letters_keep);
        let now = self.clock.now();
        let means = |letter: &DeadLetter| {
            !letters::has_expired(letter, keep, now)
                && (filter.positions.is_empty() || filter.positions.contains(&letter.position))
                && filter.stream.as_ref().is_none_or(|stream| letter.event.stream() == stream.as_str())
                && filter.types.matches(&letter.event)
                && filter.reason.as_ref().is_none_or(|reason| letter.reason.starts_with(reason.as_str()))
        };
        let wanted = letters::Wanted { after, limit, filter: &means };
        let mut all = Vec::new();
        for tenant in self.tenants_of(group).await? {
            all.extend(letters::open(&*self.store, group, &tenant, &wanted).await?);
        }
        all.sort_by_key(|letter| letter.position);
        // Where lanes count for themselves, letters of two tenants may stand at one position: a page ends behind both.
        if let Some(last) = limit.checked_sub(1).and_then(|at| all.get(at)).map(|letter| letter.position) {
            all.truncate(all.partition_point(|letter| letter.position <= last));
        }
        Ok(all)
    }

    /// The tenants in which a group may have dead letters.
    async fn tenants_of(&self, group: &Group) -> Result<Vec<Tenant>, Error> {
        match &group.tenant {
            Some(tenant) => Ok(vec![tenant.clone()]),
            None => Ok(Stored::read(&*self.store, group).await?.tenants),
        }
    }

    /// How many dead letters are open.
    async fn count_letters(&self, group: &Group, config: &GroupConfig) -> Result<u64, Error> {
        if config.dead_letters_keep.is_some() {
            // Whether one has expired stands in it.
            let all = DeadLetterFilter::default();
            return Ok(self.dead_letters(group, &all, Position::ZERO, usize::MAX).await?.len() as u64);
        }
        let mut count = 0;
        for tenant in self.tenants_of(group).await? {
            count += letters::count(&*self.store, group, &tenant).await?;
        }
        Ok(count)
    }

    pub(crate) async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.end_letters(group, filter, How::Replayed).await
    }

    pub(crate) async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.end_letters(group, filter, How::Discarded).await
    }

    /// First the group learns of it, then the letters are marked: stopped in between, doing it again does the rest.
    async fn end_letters(&self, group: &Group, filter: &DeadLetterFilter, how: How) -> Result<u64, Error> {
        let letters = self.dead_letters(group, filter, Position::ZERO, usize::MAX).await?;
        if letters.is_empty() {
            return Ok(0);
        }
        let raised = letters.iter().filter_map(|letter| {
            let run = Run::new(letter.tenant.clone(), letter.event.stream_name().ok()?);
            let reopened = Reopened { position: letter.source_position, letter: letter.position };
            Some((letter.lane, run, (how == How::Replayed).then_some(reopened)))
        });
        let raised: engine::Raised = raised.collect();
        self.ask(group, |answer| Call::Raise(raised.clone(), answer)).await?;
        let mut by_tenant = HashMap::<&Tenant, Vec<Position>>::new();
        for letter in &letters {
            by_tenant.entry(&letter.tenant).or_default().push(letter.position);
        }
        for (tenant, positions) in by_tenant {
            letters::settle(&*self.store, group, tenant, self.clock.now(), &positions, how).await?;
        }
        Ok(letters.len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Group, Work>> {
        // Nothing under this lock can panic half-way through a change.
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
