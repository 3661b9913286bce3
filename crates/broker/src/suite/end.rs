//! The end of a run.

use headwater_events::Filter;
use serde_json::json;

use super::{
    Factory,
    kit::{completed, delta, id, ids, note, plain, publish, resumed, started, stream, typed},
    tape::Tape,
};
use crate::{Start, Subscription};

/// Behind the terminal event comes the end, and then nothing: for who was there and for who came later.
pub async fn the_end_comes_last(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    for terminal in ["workflow.completed.v1", "workflow.failed.v1", "workflow.cancelled.v1"] {
        let run = format!("end-{}", terminal.replace('.', "-"));
        let mut live = Tape::start(&*broker, Subscription::new(stream(&run))).await;
        let last = typed(&run, 3, terminal, &run, &json!({}));
        publish(&*broker, &[started(&run, 0), note(&run, 1)]).await;
        publish(&*broker, &[delta(&run, 2, "p", "t"), last]).await;
        let mut late = Tape::start(&*broker, Subscription::new(stream(&run))).await;
        for reader in [&mut live, &mut late] {
            reader.finish().await;
            reader.is_exactly(&ids(&run, 0..4));
            assert!(reader.error.is_none(), "{}", reader.story());
            let end = reader.end.clone().expect("the end is told");
            assert!(end.position() >= reader.events[3].cursor.position(), "it lies behind the last event");
            assert_eq!(reader.caught_up.len(), 1, "{}", reader.story());
        }
        let page = broker.read(&stream(&run), &Filter::all(), Start::Earliest, 2).await.expect("a page");
        assert!(!page.end, "a page that does not reach the last event has no end");
        let page =
            broker.read(&stream(&run), &Filter::all(), Start::After(page.next), 2).await.expect("a page");
        assert!(page.end || page.more);
        let page = broker.read(&stream(&run), &Filter::all(), Start::Earliest, 10).await.expect("a page");
        assert!(page.end, "a page that reaches the last event says so");
    }
}

/// A reader that does not see the terminal event is told of the end.
pub async fn the_end_comes_though_the_filter_hides_it(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let filter = Filter::types("suite.note").expect("a good pattern");
    let subscription = || Subscription::new(stream("eh")).filter(filter.clone());
    let mut live = Tape::start(&*broker, subscription()).await;
    publish(&*broker, &[started("eh", 0), note("eh", 1), completed("eh", 2)]).await;
    let mut late = Tape::start(&*broker, subscription()).await;
    for reader in [&mut live, &mut late] {
        reader.finish().await;
        reader.is_exactly(&[id("eh", 1)]);
        assert!(reader.end.is_some(), "{}", reader.story());
    }
    let page = broker.read(&stream("eh"), &filter, Start::Earliest, 10).await.expect("a page");
    assert!(page.end && page.events.len() == 1);
}

/// A reader that resumes behind everything is told of the end at once.
pub async fn who_comes_behind_the_end_gets_it_at_once(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let published = publish(&*broker, &[started("eb", 0), completed("eb", 1)]).await;
    let mut before = Tape::start(&*broker, Subscription::new(stream("eb"))).await;
    before.finish().await;
    for start in
        [Start::After(published[1].cursor.clone()), Start::After(before.end.expect("an end")), Start::Live]
    {
        let mut reader = Tape::start(&*broker, Subscription::new(stream("eb")).start(start.clone())).await;
        reader.finish().await;
        reader.is_exactly(&[] as &[&str]);
        assert!(reader.end.is_some() && reader.error.is_none(), "{start:?}: {}", reader.story());
        assert_eq!(reader.caught_up, [0], "{start:?}");
    }
}

/// An event that is stored after the end is there for who resumes, and the end comes behind it.
pub async fn late_events_are_behind_the_end(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    publish(&*broker, &[started("el", 0), completed("el", 1)]).await;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("el"))).await;
    reader.finish().await;
    publish(&*broker, &[note("el", 2), note("el", 3)]).await;
    let behind = Start::After(reader.end.expect("an end"));
    let mut again = Tape::start(&*broker, Subscription::new(stream("el")).start(behind)).await;
    again.finish().await;
    again.is_exactly(&ids("el", 2..4));
    assert!(again.end.is_some(), "the run has ended still; {}", again.story());
    let mut whole = Tape::start(&*broker, Subscription::new(stream("el"))).await;
    whole.finish().await;
    whole.is_exactly(&ids("el", 0..4));
    assert!(whole.end.is_some(), "{}", whole.story());
    let page = broker.read(&stream("el"), &Filter::all(), Start::Earliest, 3).await.expect("a page");
    assert!(!page.end, "the page stops before the last event");
}

/// A run that goes on after its end has none until it ends again.
pub async fn a_reopened_run_ends_again(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    publish(&*broker, &[started("er", 0), completed("er", 1)]).await;
    publish(&*broker, &[resumed("er", 2), note("er", 3)]).await;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("er"))).await;
    reader.events(4).await;
    assert!(reader.end.is_none(), "{}", reader.story());
    let page = broker.read(&stream("er"), &Filter::all(), Start::Earliest, 10).await.expect("a page");
    assert!(!page.end);
    publish(&*broker, &[note("er", 4), completed("er", 5)]).await;
    reader.finish().await;
    reader.is_exactly(&ids("er", 0..6));
    assert!(reader.end.is_some(), "{}", reader.story());
}

/// What is no end of the root ends nothing: parts that complete, a stream without a terminal event.
pub async fn what_never_ended_never_ends(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut reader = Tape::start(&*broker, Subscription::new(stream("en"))).await;
    let part = |n, subject: &str| typed("en", n, "workflow.completed.v1", subject, &json!({}));
    publish(&*broker, &[started("en", 0), part(1, "en/child"), part(2, "en/workflow/en")]).await;
    publish(&*broker, &[typed("en", 3, "llm.completed.v1", "en", &json!({})), note("en", 4)]).await;
    reader.events(5).await;
    let mut late = Tape::start(&*broker, Subscription::new(stream("en"))).await;
    late.until_caught_up().await;
    publish(&*broker, &[note("en", 5)]).await;
    for reader in [&mut reader, &mut late] {
        reader.events(6).await;
        reader.is_exactly(&ids("en", 0..6));
        assert!(reader.end.is_none(), "{}", reader.story());
    }
    let page = broker.read(&stream("en"), &Filter::all(), Start::Earliest, 10).await.expect("a page");
    assert!(!page.end && !page.more);
}
