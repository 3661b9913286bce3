//! Events that were stored before.

use headwater_store::{Appended, Error};
use tokio::time::Instant;

use super::{Failure, Publisher, Stored, appended, item::Item, wire::Wire};
use crate::{
    api::{Get, code},
    codec::read_header,
};

impl Publisher {
    /// What the server recognized as an event that stands at `seq`. `None`: that was in a life of its stream that is
    /// gone; the item is renewed and must be sent again.
    pub(super) async fn found(&self, item: &mut Item, seq: u64) -> Result<Option<Appended>, Error> {
        let gone = self.link.past(&item.tenant, &item.stream).await?.gone_to();
        if seq <= gone {
            item.renew(gone);
            return Ok(None);
        }
        let get = Get { seq: Some(seq), ..Get::default() };
        let first = self.link.get(&get).await?;
        // Where retention took it already, its time is not known any more.
        let stored_at =
            first.and_then(|first| read_header(first.headers.as_ref())).map_or(item.stored_at, |h| h.1);
        Ok(Some(appended(Stored { seq, duplicate: true }, stored_at)))
    }

    /// Whether the server would recognize the event, and where it stands: asked with a condition that never holds, which
    /// it looks at after that.
    pub(super) async fn probe(
        &self,
        wire: &Wire,
        item: &Item,
        deadline: Instant,
    ) -> Result<Option<u64>, Failure> {
        let mut headers = item.headers();
        headers.insert("Nats-Expected-Last-Msg-Id", "=");
        match wire.ask(&item.subject, headers, bytes::Bytes::new(), deadline).await {
            Ok(ack) if ack.duplicate => Ok(Some(ack.seq)),
            Ok(_) => Err(Failure::Lost("the server took a question for an event".to_owned())),
            Err(Failure::Refused(refusal))
                if refusal.code == 503 || refusal.err_code == code::DUPLICATE_UNDECIDED =>
            {
                Err(Failure::Refused(refusal))
            }
            Err(Failure::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
