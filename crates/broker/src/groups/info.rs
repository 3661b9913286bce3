//! What an operator sees of a group.

use std::{collections::BTreeMap, time::Duration};

use headwater_events::{Class, Lane, Position};
use headwater_store::{ClassesKey, ReadScope};

use super::{
    Groups,
    run::{ByRun, Run},
    state::{Held, LaneState},
    stored::{Settings, Stored},
};
use crate::{
    Error,
    api::groups::{Group, GroupConfig, GroupInfo, WorkerInfo},
};

/// How many events are read at once to count them.
const PAGE: (usize, usize) = (1024, 1024 * 1024);

impl GroupConfig {
    /// Whether a group can go by it.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = if self.lease < Duration::from_millis(100) || self.lease > Duration::from_secs(24 * 3600)
        {
            "lease must be between 100 ms and 24 h"
        } else if self.max_attempts == 0 {
            "max_attempts must be at least 1"
        } else {
            return Ok(());
        };
        Err(Error::BadGroup { detail: wrong.to_owned() })
    }
}

impl Groups {
    /// One group, if there is one.
    pub(crate) async fn info(&self, group: &Group) -> Result<Option<GroupInfo>, Error> {
        let stored = Stored::read(&*self.store, group).await?;
        let Some((settings, _)) = &stored.settings else { return Ok(None) };
        let mut lanes_of: BTreeMap<_, Vec<u16>> =
            stored.workers.keys().map(|worker| (worker.clone(), Vec::new())).collect();
        let mut info = GroupInfo {
            group: group.name.clone(),
            all_tenants: group.tenant.is_none(),
            config: settings.config.clone(),
            workers: Vec::new(),
            in_flight: 0,
            waiting: 0,
            parked: 0,
            oldest_unacked_ms: None,
            lag_events: self.store.capabilities().lag.then_some(0),
            lag_ms: None,
            dead_letters: self.count_letters(group, &settings.config).await?,
        };
        for lane in (0..self.store.lanes()).map(Lane) {
            let state = self.state(&stored, settings, lane);
            if let Some(owner) = &state.owner {
                lanes_of.entry(owner.worker.clone()).or_default().push(lane.0);
            }
            info.in_flight += count(&state, |held| held.in_flight);
            info.parked += count(&state, |held| held.parked);
            info.waiting += count(&state, |held| !held.in_flight && !held.parked);
            self.add_lag(group, lane, &state, &mut info).await?;
        }
        info.workers = lanes_of.into_iter().map(|(worker, lanes)| WorkerInfo { worker, lanes }).collect();
        Ok(Some(info))
    }

    fn state(&self, stored: &Stored, settings: &Settings, lane: Lane) -> LaneState {
        let state = stored.lanes.get(&lane).and_then(|entry| LaneState::decode(&entry.value));
        let mut state = state.unwrap_or_else(|| {
            let (epoch, mark) = settings.begin(lane);
            LaneState::new(epoch, mark)
        });
        if state.epoch != self.store.epoch() {
            (state.mark, state.held) = (Position::ZERO, ByRun::default());
        }
        state
    }

    async fn add_lag(
        &self,
        group: &Group,
        lane: Lane,
        state: &LaneState,
        info: &mut GroupInfo,
    ) -> Result<(), Error> {
        let now_ms = self.clock.now().as_millisecond();
        let age = |at_ms: i64| u64::try_from(now_ms - at_ms).unwrap_or(0);
        let scope = match &group.tenant {
            Some(tenant) => ReadScope::TenantLane(tenant.clone(), lane),
            None => ReadScope::Lane(lane),
        };
        let behind = self.store.read(&scope, state.mark, 1, PAGE.1).await?;
        if let Some(first) = behind.records.first() {
            let age = age(first.stored_at_ms());
            info.lag_ms = info.lag_ms.max(Some(age));
            info.oldest_unacked_ms = info.oldest_unacked_ms.max(Some(age));
        }
        if let Some(events) = &mut info.lag_events {
            *events += self.store.count(&scope, state.mark).await?;
        }
        for (run, held) in &state.held {
            let (open, oldest) = self.open_events(run, held, state.mark).await?;
            info.oldest_unacked_ms = info.oldest_unacked_ms.max(oldest.map(age));
            if let Some(events) = &mut info.lag_events {
                *events += open + held.reopened.len() as u64;
            }
        }
        Ok(())
    }

    /// How many events of a held run are open, and when the first of them was stored.
    async fn open_events(&self, run: &Run, held: &Held, mark: Position) -> Result<(u64, Option<i64>), Error> {
        let Some(from) = held.from else { return Ok((0, None)) };
        let scope = ReadScope::Stream(run.tenant.clone(), run.stream.clone(), ClassesKey::Visible);
        let (mut open, mut oldest, mut after) = (0, None, from.prev());
        loop {
            let page = self.store.read(&scope, after, PAGE.0, PAGE.1).await?;
            for record in page.records.iter().filter(|record| record.class() == Class::Durable) {
                if record.position() > mark {
                    return Ok((open, oldest));
                }
                open += 1;
                oldest = oldest.or(Some(record.stored_at_ms()));
            }
            after = page.next;
            if !page.more || after >= mark {
                return Ok((open, oldest));
            }
        }
    }
}

fn count(state: &LaneState, which: impl Fn(&Held) -> bool) -> u64 {
    state.held.values().filter(|held| which(held)).count() as u64
}
