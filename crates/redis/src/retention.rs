//! What is kept no longer.

use std::{sync::Arc, time::Duration};

use headwater_store::{Error, Limits, Retention};
use redis::{Cmd, Value};

use crate::{link::Link, reply, script};

/// How many names of what is gone are remembered, so that readers are told.
const MOST_REMEMBERED: u64 = 65_536;
/// How many entries one script removes: a millisecond or two of the server's time.
const PIECE: u64 = 256;
/// How long a key outlives what retention allows it, when nobody is there to apply it.
const SLACK: Duration = Duration::from_secs(600);

/// After which time, in ms, the transient events and all events of a run that has ended expire by themselves; 0 is never.
pub(crate) fn expiries(retention: &Retention) -> (u64, u64) {
    let soonest = |times: [Option<Duration>; 3]| {
        times.into_iter().flatten().min().map_or(0, |time| millis(time.saturating_add(SLACK)))
    };
    let all = [retention.run_after_end, retention.durable.max_age, None];
    let deltas = [retention.run_after_end, retention.transient.max_age, retention.transient_after_end];
    (soonest(deltas), soonest(all))
}

/// Removes everything that is due.
pub(crate) async fn trim(link: &Link) -> Result<(), Error> {
    let retention = &link.options.retention;
    let limit = |limits: &Limits| [limits.max_age.map(millis), limits.max_events, limits.max_bytes];
    let mut limits: Vec<Option<u64>> = Vec::new();
    limits.extend(limit(&retention.durable));
    limits.extend(limit(&retention.transient));
    limits.push(retention.transient_after_end.map(millis));
    limits.push(retention.run_after_end.map(millis));
    let mut words: Vec<String> =
        limits.into_iter().map(|n| n.map_or_else(|| "-1".to_owned(), |n| n.to_string())).collect();
    words.extend([MOST_REMEMBERED, PIECE].map(|n| n.to_string()));
    loop {
        let clock = link.clock().to_string();
        let args: Vec<&[u8]> = std::iter::once(&clock).chain(&words).map(String::as_bytes).collect();
        // Removing again what was removed does nothing.
        if reply::number(&link.read(&script::TRIM, &args).await?)? == 0 {
            link.ahead.forget();
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 11)
}

/// Applies retention now and then until the store is closed. Of the processes that share a log one does it at a time.
pub(crate) async fn run(link: Arc<Link>) {
    let every = link.options.retention_interval.max(Duration::from_millis(100));
    let key = format!("{}:lease:trim", link.namespace);
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = link.closing.cancelled() => return,
        }
        let Ok(mut live) = link.live().await else { continue };
        let mut lease = Cmd::new();
        // Shorter than the pause, so that the next turn is open to everyone.
        lease.arg("SET").arg(&key).arg(&live.server.run_id).arg("NX").arg("PX").arg(millis(every / 2));
        match live.commands.send_packed_command(&lease).await {
            Ok(Value::Okay) => {
                if let Err(error) = trim(&link).await {
                    tracing::debug!(%error, "retention was not applied");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "retention was not applied"),
        }
    }
}
