//! Closing.

use headwater_events::Filter;

use super::{
    Factory,
    kit::{ids, note, plain, publish_notes, stream},
    tape::Tape,
};
use crate::{Start, StatusKind, Subscription};

/// A closed broker ends its readers, each with what was there, and refuses every later call.
pub async fn closing_ends_readers_and_refuses_publishers(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut reader = Tape::start(&*broker, Subscription::new(stream("cx"))).await;
    publish_notes(&*broker, "cx", 0..10).await;
    reader.events(10).await;
    broker.close().await.expect("closing works");
    reader.finish().await;
    reader.is_exactly(&ids("cx", 0..10));
    assert!(reader.end.is_none(), "the run has not ended; {}", reader.story());
    let refused = [
        broker.publish(&[note("cx", 10)]).await.map(drop),
        broker.read(&stream("cx"), &Filter::all(), Start::Earliest, 1).await.map(drop),
        broker.subscribe(Subscription::new(stream("cx"))).await.map(drop),
        broker.cursor(&stream("cx")).await.map(drop),
        broker.streams(&headwater_events::Tenant::default(), None, 1).await.map(drop),
    ];
    for outcome in refused {
        assert!(matches!(&outcome, Err(error) if error.code() == "closed"), "{outcome:?}");
    }
    assert_eq!(broker.status().borrow().kind, StatusKind::Closed);
}
