//! How far the log has come.

use headwater_events::Position;
use headwater_store::Error;

use crate::{link::Link, pack, reply, script};

/// The last position, and the places where the log may have lost its tail. Notices data that was replaced.
pub(crate) async fn look(link: &Link) -> Result<(Position, Vec<(Position, Position)>), Error> {
    let [last, lost] = reply::parts(link.read(&script::TAIL, &[]).await?)?;
    let last = reply::position(&last)?;
    link.saw(last);
    Ok((last, self::lost(&reply::bytes(lost)?)?))
}

/// The places where the log may have lost its tail, in order: from the last position that was there to the one before
/// the next.
pub(crate) fn lost(packed: &[u8]) -> Result<Vec<(Position, Position)>, Error> {
    if packed.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = pack::numbers(packed)?;
    Ok(numbers.chunks_exact(2).map(|pair| (Position(pair[0]), Position(pair[1]))).collect())
}
