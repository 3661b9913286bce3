//! Loss is never silent: deletion, and another numbering.

use headwater_events::{Filter, Tenant};
use headwater_store::{GapReason, suite::report};

use super::{
    Factory,
    kit::{id, ids, name, note, plain, publish, publish_notes, read_ids, stream, streams},
    tape::{Order, Tape, same, same_in},
};
use crate::{Start, Subscription};

/// Who reads a stream that is deleted is told, and sees what comes afterwards.
pub async fn a_deleted_stream_is_told_to_its_reader(factory: &dyn Factory) {
    let subject = plain(factory).await;
    if !subject.capabilities().delete_stream {
        return report::lacks("delete_stream");
    }
    let broker = subject.broker();
    let cursors = publish_notes(&*broker, "dl", 0..20).await;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("dl"))).await;
    reader.events(20).await;
    reader.until_caught_up().await;
    let here = Tenant::default();
    assert!(broker.delete_stream(&here, &name("dl")).await.expect("an answer"), "there was one");
    assert!(!broker.delete_stream(&here, &name("dl")).await.expect("an answer"), "and now there is none");
    assert!(broker.stream(&here, &name("dl")).await.expect("an answer").is_none());
    assert!(broker.streams(&here, None, 10).await.expect("a list").is_empty());
    reader.until_gap().await;
    assert_eq!(reader.gaps[0].reason, GapReason::Deleted, "{}", reader.story());
    assert!(reader.gaps[0].to.position() >= cursors[19].position(), "everything that was there is gone");
    publish(&*broker, &[note("dl", 20)]).await;
    reader.until(&id("dl", 20)).await;
    same(&reader.ids(), &ids("dl", 0..21));
    let reasons: Vec<_> = reader.gaps.iter().map(|gap| gap.reason).collect();
    assert!(reasons.iter().all(|reason| *reason == GapReason::Deleted), "{reasons:?}");
    // The stream is a new one: who reads it from the start sees only what was published since.
    let mut whole = Tape::start(&*broker, Subscription::new(stream("dl"))).await;
    whole.until(&id("dl", 20)).await;
    same(&whole.ids(), &ids("dl", 20..21));
}

/// Deleting one stream takes nothing from the readers of others, not even from those who read both.
pub async fn a_deletion_leaves_other_streams_whole(factory: &dyn Factory) {
    let subject = plain(factory).await;
    if !subject.capabilities().delete_stream {
        return report::lacks("delete_stream");
    }
    let broker = subject.broker();
    publish_notes(&*broker, "keep", 0..5).await;
    publish_notes(&*broker, "gone", 0..5).await;
    let mut other = Tape::start(&*broker, Subscription::new(stream("keep"))).await;
    let mut both = Tape::start(&*broker, Subscription::new(streams(&["keep", "gone"]))).await;
    both.events(10).await;
    both.until_caught_up().await;
    assert!(broker.delete_stream(&Tenant::default(), &name("gone")).await.expect("an answer"));
    publish_notes(&*broker, "keep", 5..10).await;
    other.events(10).await;
    other.is_exactly(&ids("keep", 0..10));
    both.until(&id("keep", 9)).await;
    if both.gaps.is_empty() {
        // In a lane of its own the deletion may come later.
        both.until_gap().await;
    }
    let order = Order::of(&*subject);
    same_in(order, &both.ids(), &[ids("keep", 0..5), ids("gone", 0..5), ids("keep", 5..10)].concat());
    for gap in &both.gaps {
        assert_eq!((gap.reason, gap.stream.as_ref()), (GapReason::Deleted, Some(&name("gone"))), "{gap:?}");
    }
    assert_eq!(both.gaps.len(), 1, "who reads both is told once; {}", both.story());
    same(&read_ids(&*broker, &stream("keep"), &Filter::all(), Start::Earliest).await, &ids("keep", 0..10));
}

/// A cursor of another numbering, or from ahead of the log, gives a gap and then everything that is kept.
pub async fn another_numbering_is_told(factory: &dyn Factory) {
    let (old, new) = (plain(factory).await, plain(factory).await);
    let cursors = publish_notes(&*old.broker(), "ep", 0..10).await;
    let broker = new.broker();
    let own = publish_notes(&*broker, "ep", 100..105).await;
    if own[0].epoch() == cursors[0].epoch() {
        panic!("two logs have one numbering: {}", own[0].epoch());
    }
    let ahead = own[4].at(headwater_events::Position(own[4].position().0 + 1000));
    for cursor in [cursors[9].clone(), cursors[0].clone(), ahead] {
        let mut reader =
            Tape::start(&*broker, Subscription::new(stream("ep")).start(Start::After(cursor.clone()))).await;
        reader.until(&id("ep", 104)).await;
        same(&reader.ids(), &ids("ep", 100..105));
        assert_eq!(reader.gaps.len(), 1, "{}", reader.story());
        assert_eq!(reader.gaps[0].reason, GapReason::Reset, "{}", reader.story());
        let page =
            broker.read(&stream("ep"), &Filter::all(), Start::After(cursor), 10).await.expect("a page");
        assert_eq!(page.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Reset]);
        same(&page.events.iter().map(|d| d.event().id()).collect::<Vec<_>>(), &ids("ep", 100..105));
    }
}
