//! Greeting the log on a new connection: it is made, or the start of another server process is noticed.

use std::hash::{BuildHasher, RandomState};

use headwater_events::{Epoch, Position};
use headwater_store::Error;
use redis::aio::MultiplexedConnection;

use crate::{RedisOptions, checks::Server, failure, reply, script};

/// What a log is, for as long as its data is the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) epoch: Epoch,
    pub(crate) lanes: u16,
    /// What makes the fingerprints of its events.
    pub(crate) salt: u64,
    pub(crate) last: Position,
}

/// The layout that this code writes.
const FORMAT: &str = "1";
/// How many places where the log may have lost its tail are remembered apart.
const MOST_LOST: &str = "16";

/// Greets the log. `seen`: the last position the process has heard of; a new numbering begins behind it.
pub(crate) async fn greet(
    connection: &mut MultiplexedConnection,
    server: &Server,
    namespace: &str,
    options: &RedisOptions,
    seen: Position,
) -> Result<Identity, Error> {
    // Random without a dependency: the keys of the standard hasher are.
    let random = RandomState::new();
    let epoch = u32::try_from(random.hash_one(0) >> 32).unwrap_or(0).max(1).to_string();
    let salt = random.hash_one(1).to_string();
    let lanes = options.lanes.max(1).to_string();
    let floor = if seen == Position::ZERO { 0 } else { seen.0 + 1 }.to_string();
    let clock = options.clock.as_ref().map_or(0, |clock| clock.now().as_microsecond()).to_string();
    let uptime = server.uptime.to_string();
    let safe = if server.safe { "1" } else { "0" };
    let args = [
        namespace,
        &server.run_id,
        &server.name,
        safe,
        &epoch,
        &salt,
        &lanes,
        &floor,
        &clock,
        MOST_LOST,
        &uptime,
    ];
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let answer = script::HELLO.run(connection, &args).await.map_err(|error| match failure::sort(&error) {
        failure::Failure::Refused(reason) => Error::config(reason),
        failure::Failure::Damaged(reason) => Error::corrupt(None, reason),
        other => Error::unavailable(format_args!("the log cannot be opened: {other:?}")),
    })?;
    let [format, epoch, lanes, salt, last, _lost] = reply::parts(answer)?;
    let format = reply::text(format)?;
    if format != FORMAT {
        return Err(Error::config(format_args!(
            "the log under `{namespace}:` has format {format} and this build writes {FORMAT}: use a newer headwater, or \
             another ?namespace="
        )));
    }
    let wrong = |_| reply::strange();
    Ok(Identity {
        epoch: Epoch(u32::try_from(reply::number(&epoch)?).map_err(wrong)?),
        lanes: u16::try_from(reply::number(&lanes)?).map_err(wrong)?,
        salt: reply::number(&salt)?,
        last: reply::position(&last)?,
    })
}
