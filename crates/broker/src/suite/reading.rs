//! Pages, and what is shown to whom.

use headwater_events::{Class, Filter, Scope, Tenant};

use super::{
    Factory,
    kit::{checkpoint, delta, id, ids, note, plain, publish, publish_notes, stream, streams},
    pick::Pick,
    tape::{Order, Tape, same, same_in},
};
use crate::{Error, Start, Subscription};

/// Reading on from `next` continues exactly behind a page, whatever the sizes.
pub async fn pages_continue_exactly(factory: &dyn Factory) {
    let mut pick = Pick::new("pages_continue_exactly");
    let subject = plain(factory).await;
    let broker = subject.broker();
    for n in 0..150 {
        publish(&*broker, &[note("p", n), note("noise", n)]).await;
    }
    let empty = broker.read(&stream("nobody"), &Filter::all(), Start::Earliest, 10).await.expect("a page");
    assert!(empty.events.is_empty() && !empty.more && !empty.end, "a stream without events is no error");
    for _ in 0..20 {
        let (mut seen, mut start) = (Vec::new(), Start::Earliest);
        loop {
            let limit = 1 + pick.below(40);
            let page = broker.read(&stream("p"), &Filter::all(), start, limit).await.expect("a page");
            assert!(page.events.len() <= limit, "no more than asked for");
            assert!(page.gaps.is_empty());
            seen.extend(page.events.iter().map(|d| d.event().id().to_owned()));
            start = Start::After(page.next);
            if !page.more {
                break;
            }
        }
        same(&seen, &ids("p", 0..150));
        let Start::After(next) = start else { unreachable!() };
        let behind =
            broker.read(&stream("p"), &Filter::all(), Start::After(next.clone()), 10).await.expect("a page");
        assert!(behind.events.is_empty() && !behind.more && behind.next == next, "the end stays where it is");
    }
    let live = broker.read(&stream("p"), &Filter::all(), Start::Live, 10).await.expect("a page");
    assert!(live.events.is_empty() && !live.more);
    publish(&*broker, &[note("p", 150)]).await;
    let page = broker.read(&stream("p"), &Filter::all(), Start::After(live.next), 10).await.expect("a page");
    same(&page.events.iter().map(|d| d.event().id()).collect::<Vec<_>>(), &ids("p", 150..151));
}

/// An event has one cursor, in answers, pages and subscriptions, and each of them continues behind it.
pub async fn pages_and_subscriptions_share_cursors(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let cursors = publish_notes(&*broker, "q", 0..60).await;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("q"))).await;
    reader.events(60).await;
    let page = broker.read(&stream("q"), &Filter::all(), Start::Earliest, 100).await.expect("a page");
    assert_eq!(page.events.iter().map(|d| d.cursor.clone()).collect::<Vec<_>>(), cursors);
    assert_eq!(reader.events.iter().map(|d| d.cursor.clone()).collect::<Vec<_>>(), cursors);
    for at in [0, 1, 30, 58] {
        let text = cursors[at].to_string();
        let start: Start = text.parse().expect("a cursor's text is one");
        let page = broker.read(&stream("q"), &Filter::all(), start, 100).await.expect("a page");
        same(&page.events.iter().map(|d| d.event().id()).collect::<Vec<_>>(), &ids("q", at + 1..60));
    }
}

/// Internal events are shown to no reader of a stream, several streams or the tenant, and cursors move past them.
pub async fn internal_events_are_not_shown(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let scopes = [stream("i"), streams(&["i", "j"]), Scope::Tenant(Tenant::default())];
    let mut live = Vec::new();
    for scope in &scopes {
        live.push(Tape::start(&*broker, Subscription::new(scope.clone())).await);
    }
    publish(&*broker, &[note("i", 0), checkpoint("i", 1), note("i", 2), checkpoint("i", 3)]).await;
    let published = publish(&*broker, &[checkpoint("i", 4), note("i", 5), checkpoint("i", 6)]).await;
    assert!(published.iter().all(|p| !p.duplicate), "they are stored");
    let want = [id("i", 0), id("i", 2), id("i", 5)];
    for (scope, live) in scopes.iter().zip(&mut live) {
        live.events(3).await;
        live.is_exactly(&want);
        same(&super::kit::read_ids(&*broker, scope, &Filter::all(), Start::Earliest).await, &want);
        let mut history = Tape::start(&*broker, Subscription::new(scope.clone())).await;
        history.until_caught_up().await;
        history.is_exactly(&want);
    }
    let page = broker
        .read(&stream("i"), &Filter::all(), Start::After(published[1].cursor.clone()), 10)
        .await
        .expect("a page");
    assert!(page.events.is_empty() && !page.more, "behind the last visible event there is nothing");
}

/// The tenant's scope holds the durable events of all its streams: in one order, or where the store has none over a
/// tenant, each run in its order.
pub async fn the_tenant_shows_durable_events_only(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let order = Order::of(&*subject);
    let broker = subject.broker();
    let scope = Scope::Tenant(Tenant::default());
    let mut live = Tape::start(&*broker, Subscription::new(scope.clone())).await;
    let mut want = Vec::new();
    for n in 0..40 {
        let run = format!("t-{}", n % 5);
        publish(&*broker, &[note(&run, n), delta(&run, n + 1000, "p", "x")]).await;
        want.push(id(&run, n));
    }
    live.events(40).await;
    live.is_exactly_in(order, &want);
    assert!(live.events.iter().all(|d| d.record.class() == Class::Durable));
    let all = Filter::all();
    let read = |start| super::kit::read_ids(&*broker, &scope, &all, start);
    same_in(order, &read(Start::Earliest).await, &want);
    // Behind the place of one event is what did not come with it or before it.
    let at = &live.events[17].cursor;
    let came: Vec<_> = live.ids()[..18].to_vec();
    let rest: Vec<_> = want.iter().filter(|id| !came.contains(&id.as_str())).collect();
    same_in(order, &read(Start::After(at.clone())).await, &rest);
    let mut again =
        Tape::start(&*broker, Subscription::new(scope.clone()).start(Start::After(at.clone()))).await;
    again.until_caught_up().await;
    again.is_exactly_in(order, &rest);
}

/// The tenant's feed shows every class as it comes; who does not have it says so.
pub async fn the_feed_shows_every_class(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let scope = Scope::Feed(Tenant::default());
    if !subject.has_feed() {
        let refused = broker.subscribe(Subscription::new(scope.clone()).start(Start::Live)).await.map(drop);
        assert!(matches!(&refused, Err(error) if error.code() == "unsupported"), "{refused:?}");
        let refused = broker.read(&scope, &Filter::all(), Start::Live, 1).await.map(drop);
        assert!(matches!(&refused, Err(Error::Store(_))), "{refused:?}");
        return headwater_store::suite::report::lacks("feed");
    }
    publish_notes(&*broker, "before", 0..3).await;
    let mut feed = Tape::start(&*broker, Subscription::new(scope).start(Start::Live)).await;
    let foreign =
        note("g", 9).to_builder().tenant(&super::kit::tenant("ten-a")).build().expect("a good event");
    publish(&*broker, &[note("f", 0), delta("f", 1, "p", "x"), checkpoint("f", 2)]).await;
    publish(&*broker, &[foreign]).await;
    publish(&*broker, &[delta("g", 0, "p", "y"), note("g", 1)]).await;
    feed.events(5).await;
    feed.is_exactly_in(Order::of(&*subject), &["f/0", "f/1", "f/2", "g/0", "g/1"]);
    assert_eq!(feed.caught_up, [0]);
}
