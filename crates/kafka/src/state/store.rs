//! Compare-and-set over the table.

use bytes::Bytes;
use headwater_events::Position;
use headwater_store::{Error, StateEntry, Version, state::check};

use super::{
    Kind,
    attempt::{Write, record_key, record_value},
    table::Held,
};
use crate::{
    body,
    engine::Engine,
    failure::explain_code,
    producer::{Outcome, Outgoing},
};

/// The version of what a key holds: its place, marked with the topic's identity, so that a topic that was made again
/// repeats none.
fn version(engine: &Engine, held: &Held) -> Version {
    let place = body::position(held.offset).0 & ((1 << 48) - 1);
    Version(u64::from(engine.identity.state.unwrap_or_default() & 0xffff) << 48 | place)
}

/// The version that is visible: that of a value, not that of its deletion.
fn visible(engine: &Engine, held: Option<&Held>) -> Option<Version> {
    held.filter(|held| held.value.is_some()).map(|held| version(engine, held))
}

fn entry(engine: &Engine, key: String, held: Held) -> Option<StateEntry> {
    let version = version(engine, &held);
    held.value.map(|value| StateEntry { key, value, version })
}

/// The value under a key, as everyone has written it so far.
pub(crate) async fn get(engine: &Engine, kind: Kind, key: &str) -> Result<Option<StateEntry>, Error> {
    catch_up(engine).await?;
    let held = engine.state.lock().get(kind, key);
    Ok(held.and_then(|held| entry(engine, key.to_owned(), held)))
}

/// The callers' values under a prefix.
pub(crate) async fn list(
    engine: &Engine,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<StateEntry>, Error> {
    catch_up(engine).await?;
    let all = engine.state.lock().list(prefix, after, limit);
    Ok(all.into_iter().filter_map(|(key, held)| entry(engine, key, held)).collect())
}

/// Writes or deletes (`None`) if the present version is `expected`.
pub(crate) async fn write(
    engine: &Engine,
    kind: Kind,
    key: &str,
    value: Option<Bytes>,
    expected: Option<Version>,
) -> Result<Version, Error> {
    check(key, value.as_deref().unwrap_or_default())?;
    let mut held = engine.state.lock().get(kind, key);
    if visible(engine, held.as_ref()) != expected {
        // What is known here may be old.
        catch_up(engine).await?;
        held = engine.state.lock().get(kind, key);
        let found = visible(engine, held.as_ref());
        if found != expected {
            return Err(Error::Conflict { expected, found });
        }
    }
    let rank = held.map_or(0, |held| held.rank) + 1;
    attempt(engine, kind, key, Write { rank, value }, expected).await
}

/// Writes an attempt and reads it back: its place decides.
async fn attempt(
    engine: &Engine,
    kind: Kind,
    key: &str,
    write: Write,
    expected: Option<Version>,
) -> Result<Version, Error> {
    let id = engine.state.next_attempt();
    let verdict = engine.state.lock().expect(id);
    let (record_key, value) = (record_key(kind, key, id), record_value(&write));
    let sent = engine.producer.send(vec![record(engine, &record_key, Some(&value))]).await?;
    let offset = match sent.outcomes().await[..] {
        [Outcome::Stored { offset, .. }] => offset,
        [Outcome::Refused(code)] => return Err(explain_code(&engine.names, "writing state", code)),
        _ => {
            let reason = format!("kafka at {} did not answer a write of state", engine.names.servers);
            return Err(Error::Unknown { reason });
        }
    };
    let late = || Error::Unknown { reason: "a write of state was stored and not read back".to_owned() };
    engine.state_caught_up(body::position(offset)).await.map_err(|_| late())?;
    let verdict = verdict.await.map_err(|_| late())?;
    clean_up(engine, kind, key, &verdict.dead).await;
    if verdict.won {
        Ok(version(engine, &verdict.held))
    } else {
        Err(Error::Conflict { expected, found: visible(engine, Some(&verdict.held)) })
    }
}

/// Tombstones for attempts that have lost or were replaced: nobody waits for them.
async fn clean_up(engine: &Engine, kind: Kind, key: &str, dead: &[u128]) {
    let keys: Vec<_> = dead.iter().map(|id| record_key(kind, key, *id)).collect();
    if !keys.is_empty() {
        let records = keys.iter().map(|key| record(engine, key, None)).collect();
        if let Err(error) = engine.producer.send_own(records).await {
            tracing::debug!(%error, "replaced state is not cleaned up");
        }
    }
}

/// Takes away deletions that nobody can be writing against any more.
pub(crate) async fn sweep(engine: &Engine, before_ms: i64) {
    let old = engine.state.lock().old_deletions(before_ms);
    for (kind, key, id) in old {
        clean_up(engine, kind, &key, &[id]).await;
    }
}

fn record<'a>(engine: &'a Engine, key: &'a [u8], value: Option<&'a [u8]>) -> Outgoing<'a> {
    Outgoing { topic: &engine.names.state, partition: 0, key, value, headers: None }
}

/// Everything that was written before the call is in the table.
async fn catch_up(engine: &Engine) -> Result<(), Error> {
    let end: Position = engine.ends.now().await?.state();
    engine.state_caught_up(end).await
}
