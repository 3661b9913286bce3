//! Publishing: a batch is checked whole, then stored whole.

use headwater_events::{Admitted, Class, Cursor, Event, EventError, ScopePrint, admit};
use headwater_store::{Append, Store};
use jiff::Timestamp;

use crate::{BrokerConfig, Error, Published, metric_definitions as m};

/// Checks every event and gives it its home. Nothing was stored when this fails.
pub(crate) fn prepare(
    events: &[Event],
    config: &BrokerConfig,
    now: Timestamp,
    store_limit: usize,
) -> Result<Vec<Append>, Error> {
    let limit = config.max_event_bytes.min(store_limit);
    let mut bytes = 0;
    let too_large = |bytes| Error::BatchTooLarge {
        events: events.len(),
        bytes,
        max_events: config.max_batch_events,
        max_bytes: config.max_batch_bytes,
    };
    if events.len() > config.max_batch_events {
        return Err(too_large(events.iter().map(|event| event.json().len()).sum()));
    }
    let mut batch = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        let append = one(event, config, now, limit).map_err(|error| Error::InvalidEvent { index, error })?;
        bytes += append.event.json().len();
        batch.push(append);
    }
    if bytes > config.max_batch_bytes {
        return Err(too_large(bytes));
    }
    Ok(batch)
}

fn one(event: &Event, config: &BrokerConfig, now: Timestamp, limit: usize) -> Result<Append, EventError> {
    let Admitted { event, tenant, stream } = admit(event, now, limit, |tenant| config.policy_of(tenant))?;
    let (class, mark) = (event.class(), event.mark());
    Ok(Append { event, tenant, stream, class, mark })
}

/// Stores a checked batch and answers with the place of each event in its stream.
pub(crate) async fn store(store: &dyn Store, batch: Vec<Append>) -> Result<Vec<Published>, Error> {
    let homes: Vec<_> =
        batch.iter().map(|a| (ScopePrint::of_stream(&a.tenant, &a.stream), a.class)).collect();
    let appended = store.append(batch).await?;
    // Asked afterwards: a store that was replaced in between answers with places of the new numbering.
    let epoch = store.epoch();
    let mut stored = [0u64; 3];
    let mut duplicates = 0;
    let published = appended
        .into_iter()
        .zip(homes)
        .map(|(appended, (print, class))| {
            if appended.duplicate {
                duplicates += 1;
            } else {
                stored[class as usize] += 1;
            }
            Published {
                cursor: Cursor::new(print, epoch, appended.position),
                stored_at: appended.stored_at,
                duplicate: appended.duplicate,
            }
        })
        .collect();
    for class in [Class::Durable, Class::Transient, Class::Internal] {
        if stored[class as usize] > 0 {
            metrics::counter!(m::PUBLISHED_EVENTS, "class" => class.as_str())
                .increment(stored[class as usize]);
        }
    }
    if duplicates > 0 {
        metrics::counter!(m::DUPLICATE_EVENTS).increment(duplicates);
    }
    Ok(published)
}
