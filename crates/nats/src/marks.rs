//! What is gone: kept in the bucket, written before it goes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use headwater_events::{Lane, Mark, StreamName, Tenant};
use headwater_store::Error;
use serde::{Deserialize, Serialize};

use crate::{connect::has_time_to_live, link::Link, names::token};

/// What is gone of a run, and what must be known of that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Past {
    /// An earlier life of the name, taken whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<Gone>,
    /// The last durable, transient and internal event that retention took.
    pub(crate) removed: u64,
    pub(crate) trimmed: u64,
    pub(crate) internal: u64,
    /// How many durable and transient events it took.
    pub(crate) durable: u64,
    pub(crate) transient: u64,
    /// Place and time of the first event, once that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<(u64, i64)>,
    /// Place and time of the last event that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<(u64, i64)>,
    /// Place, time and mark of the last event that is gone and opened or ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<(u64, i64, u8)>,
}

/// A life that was taken whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    /// Up to here.
    pub(crate) to: u64,
    /// By retention; else somebody deleted it.
    pub(crate) retention: bool,
}

/// What is left of a run when something of it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Something,
    Nothing,
}

impl Past {
    /// Whether nothing is known.
    pub(crate) fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn gone_to(&self) -> u64 {
        self.gone.as_ref().map_or(0, |gone| gone.to)
    }

    /// The mark of the last event that is gone and had one.
    pub(crate) fn last_mark(&self) -> Option<(u64, i64, Mark)> {
        let (position, at, mark) = self.mark?;
        Some((position, at, Mark::from_u8(mark)?))
    }
}

impl Link {
    /// Keys carry the epoch: what was gone from another log means nothing in this one.
    fn key(&self, kind: char, names: &[&str]) -> String {
        let mut key = format!("{}.{kind}.{}", self.names.keys, self.identity.borrow().epoch);
        for name in names {
            key.push('.');
            key.push_str(name);
        }
        key
    }

    fn past_key(&self, tenant: &Tenant, stream: &StreamName) -> String {
        self.key('r', &[&token(tenant.as_str()), &token(stream.as_str())])
    }

    /// What is gone of a run.
    pub(crate) async fn past(&self, tenant: &Tenant, stream: &StreamName) -> Result<Past, Error> {
        Ok(self.document(&self.past_key(tenant, stream)).await?.0)
    }

    /// Changes what is gone of a run; `change` gives `false` where nothing is to be written. Of a run that nothing is
    /// left of it is forgotten after a while: who comes back still later is told by what is gone of the lane.
    pub(crate) async fn change_past(
        &self,
        tenant: &Tenant,
        stream: &StreamName,
        left: Left,
        change: impl Fn(&mut Past) -> bool,
    ) -> Result<(), Error> {
        let lasts = match left {
            Left::Something => None,
            Left::Nothing => self.past_lasts(),
        };
        self.change(&self.past_key(tenant, stream), lasts, change).await
    }

    /// How long it is remembered what is gone of a run that nothing is left of, by a server that can forget (2.11).
    fn past_lasts(&self) -> Option<Duration> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let kept = self.options.retention.durable.max_age.unwrap_or(7 * DAY);
        has_time_to_live(&self.client).then_some(kept.saturating_mul(4).max(DAY))
    }

    fn removed_key(&self, tenant: Option<&Tenant>, lane: Option<Lane>) -> String {
        // `=` is no name's token, so that nothing is taken for "any".
        let tenant = tenant.map_or_else(|| "==".to_owned(), |tenant| token(tenant.as_str()));
        let lane = lane.map_or_else(|| "==".to_owned(), |lane| lane.to_string());
        self.key('m', &[&tenant, &lane])
    }

    /// The last durable event that retention took from a tenant, a lane, or both; 0 if none. With neither: the last
    /// event of any class that retention took from anywhere.
    pub(crate) async fn removed(&self, tenant: Option<&Tenant>, lane: Option<Lane>) -> Result<u64, Error> {
        Ok(self.document(&self.removed_key(tenant, lane)).await?.0)
    }

    /// Moves such marks forward.
    pub(crate) async fn set_removed(
        &self,
        marks: impl IntoIterator<Item = (Option<Tenant>, Option<Lane>, u64)>,
    ) -> Result<(), Error> {
        stream::iter(marks.into_iter().map(Ok))
            .try_for_each_concurrent(8, |(tenant, lane, to)| async move {
                let key = self.removed_key(tenant.as_ref(), lane);
                self.change(&key, None, |mark: &mut u64| std::mem::replace(mark, (*mark).max(to)) < to).await
            })
            .await
    }

    /// How far the ends of runs were looked through for a rule of retention.
    pub(crate) async fn looked_through(&self, rule: &str) -> Result<u64, Error> {
        Ok(self.document(&self.key('e', &[rule])).await?.0)
    }

    pub(crate) async fn set_looked_through(&self, rule: &str, to: u64) -> Result<(), Error> {
        self.change(&self.key('e', &[rule]), None, |mark: &mut u64| {
            std::mem::replace(mark, (*mark).max(to)) < to
        })
        .await
    }

    /// A number that is another one once any stream was deleted: what was read before is not shown then.
    pub(crate) async fn deletions(&self) -> Result<u64, Error> {
        Ok(self.document::<u64>(&self.key('d', &[])).await?.1)
    }

    /// Says that a stream was deleted, once nothing of it can be read any more.
    pub(crate) async fn set_deleted(&self) -> Result<(), Error> {
        let count = |count: &mut u64| {
            *count += 1;
            true
        };
        self.change(&self.key('d', &[]), None, count).await
    }

    /// The value under a key of our own, and its revision.
    async fn document<T: Default + for<'a> Deserialize<'a>>(&self, key: &str) -> Result<(T, u64), Error> {
        let Some(value) = self.value(key).await? else { return Ok((T::default(), 0)) };
        let read = |bytes: &Bytes| {
            serde_json::from_slice(bytes).map_err(|e| Error::corrupt(None, format_args!("{key}: {e}")))
        };
        Ok((value.bytes.as_ref().map_or_else(|| Ok(T::default()), read)?, value.revision))
    }

    async fn change<T: Default + Serialize + for<'a> Deserialize<'a>>(
        &self,
        key: &str,
        lasts: Option<Duration>,
        change: impl Fn(&mut T) -> bool,
    ) -> Result<(), Error> {
        loop {
            let (mut document, revision) = self.document::<T>(key).await?;
            if !change(&mut document) {
                return Ok(());
            }
            let bytes = serde_json::to_vec(&document).map_err(|e| self.unavailable(e))?;
            // Who lost against another process looks again.
            if self.write(key, Some(bytes.into()), revision, lasts).await?.is_some() {
                return Ok(());
            }
        }
    }
}
