//! Several streams, or all of a tenant, on one cursor.

use std::{collections::HashMap, sync::Arc};

use headwater_events::{Cursor, Position, Scope, Tenant};
use tokio::task::JoinSet;

use super::{
    Factory, Subject,
    kit::{delta, id, note, plain, publish, streams, tight},
    pick::Pick,
    tape::{Order, Tape, place_in},
};
use crate::{EventBroker, Start, Subscription};

const NAMES: [&str; 4] = ["sv-a", "sv-b", "sv-c", "sv-hidden"];

/// What was written, in the order of the log.
#[derive(Default)]
struct Written {
    places: Vec<(&'static str, Position, String)>,
    counts: HashMap<&'static str, usize>,
}

impl Written {
    /// Writes one batch of events of random streams.
    async fn more(&mut self, broker: &dyn EventBroker, pick: &mut Pick, deltas: bool) {
        let (mut batch, mut names) = (Vec::new(), Vec::new());
        for _ in 0..1 + pick.below(3) {
            let name = pick.one_of(&NAMES);
            let n = self.counts.entry(name).or_default();
            batch.push(if deltas && pick.below(3) == 0 { delta(name, *n, "p", "t") } else { note(name, *n) });
            *n += 1;
            names.push(name);
        }
        for ((event, name), published) in batch.iter().zip(names).zip(publish(broker, &batch).await) {
            self.places.push((name, published.cursor.position(), event.id().to_owned()));
        }
    }

    /// What readers of the visible streams get behind a cursor.
    fn visible(&self, after: &Cursor) -> Vec<String> {
        let visible = self.places.iter().filter(|(name, ..)| *name != NAMES[3]);
        Self::behind(visible, after)
    }

    /// What readers of the tenant get behind a cursor.
    fn all(&self, after: &Cursor) -> Vec<String> {
        Self::behind(self.places.iter(), after)
    }

    fn behind<'a>(
        places: impl Iterator<Item = &'a (&'static str, Position, String)>,
        after: &Cursor,
    ) -> Vec<String> {
        places
            .filter(|(name, at, _)| *at > place_in(after, "default", name))
            .map(|(.., id)| id.clone())
            .collect()
    }
}

fn scope() -> Scope {
    streams(&NAMES[..3])
}

/// Events of several streams come in the order of the log, in pages and subscriptions.
pub async fn several_streams_come_in_one_order(factory: &dyn Factory) {
    let mut pick = Pick::new("several_streams_come_in_one_order");
    let subject = tight(factory).await;
    let broker = subject.broker();
    let mut written = Written::default();
    let order = Order::of(&*subject);
    let mut live = Tape::start(&*broker, Subscription::new(scope())).await;
    let begin = live.cursor();
    for _ in 0..150 {
        written.more(&*broker, &mut pick, true).await;
    }
    let want = written.visible(&begin);
    let mut history = Tape::start(&*broker, Subscription::new(scope())).await;
    for reader in [&mut live, &mut history] {
        reader.events(want.len()).await;
        reader.is_exactly_in(order, &want);
    }
    for limit in [1, 7, 1000] {
        let (mut seen, mut start) = (Vec::new(), Start::Earliest);
        loop {
            let page =
                broker.read(&scope(), &headwater_events::Filter::all(), start, limit).await.expect("a page");
            assert!(page.events.len() <= limit, "no more than asked for");
            seen.extend(page.events.iter().map(|d| d.event().id().to_owned()));
            start = Start::After(page.next);
            if !page.more {
                break;
            }
        }
        super::tape::same_in(order, &seen, &want);
    }
}

/// Readers that come while several streams are written get exactly the rest.
pub async fn several_streams_join_while_they_are_written(factory: &dyn Factory) {
    let mut pick = Pick::new("several_streams_join_while_they_are_written");
    for round in 0..2 {
        let subject = if round == 0 { plain(factory).await } else { tight(factory).await };
        join(&*subject, scope(), &mut pick, true).await;
    }
}

/// The same for the tenant: every stream, durable events.
pub async fn a_tenant_joins_while_it_is_written(factory: &dyn Factory) {
    let mut pick = Pick::new("a_tenant_joins_while_it_is_written");
    for round in 0..2 {
        let subject = if round == 0 { plain(factory).await } else { tight(factory).await };
        join(&*subject, Scope::Tenant(Tenant::default()), &mut pick, false).await;
    }
}

async fn join(subject: &dyn Subject, scope: Scope, pick: &mut Pick, hides: bool) {
    let (broker, order) = (subject.broker(), Order::of(subject));
    let mut written = Written::default();
    let mut readers: Vec<(Cursor, tokio::task::JoinHandle<Tape>)> = Vec::new();
    let (end, _) = tokio::sync::watch::channel(None::<String>);
    for step in 0..300 {
        if step % 5 == 0 {
            let cursor = broker.cursor(&scope).await.expect("a cursor");
            let (broker, scope, mut end) = (Arc::clone(&broker), scope.clone(), end.subscribe());
            let value = cursor.clone();
            let reader = tokio::spawn(async move {
                let mut reader =
                    Tape::start(&*broker, Subscription::new(scope).start(Start::After(value))).await;
                let last = loop {
                    if let Some(last) = end.borrow_and_update().clone() {
                        break last;
                    }
                    tokio::select! {
                        _ = end.changed() => {}
                        _ = reader.step() => {}
                    }
                };
                reader.until(&last).await;
                reader
            });
            readers.push((cursor, reader));
        }
        written.more(&*broker, pick, hides).await;
    }
    // One that everybody sees comes last.
    let last = note(NAMES[0], 9999);
    let place = publish(&*broker, std::slice::from_ref(&last)).await[0].cursor.position();
    written.places.push((NAMES[0], place, id(NAMES[0], 9999)));
    end.send_replace(Some(id(NAMES[0], 9999)));
    for (cursor, reader) in readers {
        let mut reader = reader.await.expect("a reader gets the rest");
        let want = if hides { written.visible(&cursor) } else { written.all(&cursor) };
        // Where there is no order between lanes, the last one written need not come last.
        reader.events(want.len()).await;
        reader.is_exactly_in(order, &want);
    }
}

/// Every cursor of several streams resumes exactly behind its event.
pub async fn every_cursor_of_several_streams_resumes_exactly(factory: &dyn Factory) {
    let mut pick = Pick::new("every_cursor_of_several_streams_resumes_exactly");
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut written = Written::default();
    while written.places.len() < 100 {
        written.more(&*broker, &mut pick, true).await;
    }
    let mut whole = Tape::start(&*broker, Subscription::new(scope())).await;
    let (begin, order) = (whole.cursor(), Order::of(&*subject));
    whole.until_caught_up().await;
    whole.is_exactly_in(order, &written.visible(&begin));
    let mut tasks = JoinSet::new();
    for delivery in &whole.events {
        let (broker, cursor) = (Arc::clone(&broker), delivery.cursor.clone());
        let want = written.visible(&cursor);
        let ends: Vec<_> = written.places.iter().map(|(name, at, _)| (*name, *at)).collect();
        tasks.spawn(async move {
            let mut rest =
                Tape::start(&*broker, Subscription::new(scope()).start(Start::After(cursor))).await;
            rest.until_caught_up().await;
            rest.is_exactly_in(order, &want);
            let (end, seen) = (rest.cursor(), |name: &str| NAMES[..3].contains(&name) || order == Order::Log);
            for (name, at) in ends.into_iter().filter(|(name, _)| seen(name)) {
                assert!(place_in(&end, "default", name) >= at, "the cursor reaches the end of the log");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("each cursor resumes exactly");
    }
}
