//! Listing what is open, by pages.
//!
//! A letter is open until an event behind it says that it is done with. Where the first open one stands is remembered
//! in the store's table, so that what was done with long ago is not read again.

use std::collections::BTreeSet;

use headwater_events::{Position, Tenant};
use headwater_store::{Error as StoreError, Store, Version};

use super::{PAGE, SETTLED, Settled, payload, read, scope, source};
use crate::{
    Error,
    api::groups::{DeadLetter, Group},
    groups::{codec, keys},
};

/// Which letters are asked for.
pub(in crate::groups) struct Wanted<'a> {
    pub(in crate::groups) after: Position,
    pub(in crate::groups) limit: usize,
    pub(in crate::groups) filter: &'a (dyn Fn(&DeadLetter) -> bool + Sync),
}

const VERSION: u8 = 1;
/// How many events must be done with before that is remembered.
const WORTH: usize = 64;

/// The letters of a group in a tenant that are open, in order.
pub(in crate::groups) async fn open(
    store: &dyn Store,
    group: &Group,
    tenant: &Tenant,
    wanted: &Wanted<'_>,
) -> Result<Vec<DeadLetter>, Error> {
    let open = positions(store, group, tenant).await?;
    let mut letters = Vec::new();
    let (Some(first), Some(last)) = (open.first(), open.last()) else { return Ok(letters) };
    let mut after = wanted.after.max(first.prev());
    while letters.len() < wanted.limit && after < *last {
        let page = store.read(&scope(group, tenant), after, PAGE.0, PAGE.1).await?;
        let records = page.records.iter().filter(|record| open.contains(&record.position()));
        let found = records.filter_map(|record| read(tenant, record)).filter(wanted.filter);
        letters.extend(found.take(wanted.limit - letters.len()));
        after = page.next;
        if !page.more {
            break;
        }
    }
    Ok(letters)
}

/// How many letters of a group in a tenant are open.
pub(in crate::groups) async fn count(
    store: &dyn Store,
    group: &Group,
    tenant: &Tenant,
) -> Result<u64, Error> {
    Ok(positions(store, group, tenant).await?.len() as u64)
}

/// Where open letters stand.
async fn positions(store: &dyn Store, group: &Group, tenant: &Tenant) -> Result<BTreeSet<Position>, Error> {
    let begin = Begin::read(store, group, tenant).await?;
    let (mut open, mut after, mut passed) = (BTreeSet::new(), begin.position, Vec::new());
    let source = source(group);
    loop {
        let page = store.read(&scope(group, tenant), after, PAGE.0, PAGE.1).await?;
        for record in page.records.iter().filter(|record| record.event().source() == source) {
            passed.push(record.position());
            if record.event().ty() == SETTLED {
                let settled: Option<Settled> = payload(record);
                for position in settled.map(|settled| settled.letters).unwrap_or_default() {
                    open.remove(&Position(position));
                }
            } else {
                open.insert(record.position());
            }
        }
        after = page.next;
        if !page.more {
            break;
        }
    }
    let done = passed.partition_point(|position| open.first().is_none_or(|first| position < first));
    if done >= WORTH
        && let Some(last) = passed.get(done - 1)
    {
        begin.move_to(*last, store, group, tenant).await?;
    }
    Ok(open)
}

/// Up to where everything is done with.
struct Begin {
    position: Position,
    version: Option<Version>,
}

impl Begin {
    async fn read(store: &dyn Store, group: &Group, tenant: &Tenant) -> Result<Self, Error> {
        let entry = store.get(&keys::letters_of(group, tenant)).await?;
        let known = entry.as_ref().and_then(|entry| {
            let mut value = codec::Reader::new(&entry.value, VERSION)?;
            // A log that was replaced counts anew.
            (value.number()? == u64::from(store.epoch().0)).then(|| value.number().map(Position))?
        });
        Ok(Self { position: known.unwrap_or(Position::ZERO), version: entry.map(|entry| entry.version) })
    }

    async fn move_to(
        self,
        position: Position,
        store: &dyn Store,
        group: &Group,
        tenant: &Tenant,
    ) -> Result<(), Error> {
        let mut value = codec::Writer::new(VERSION);
        value.number(u64::from(store.epoch().0)).number(position.0);
        match store.put(&keys::letters_of(group, tenant), value.finish(), self.version).await {
            // Whoever came first has seen the same.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
