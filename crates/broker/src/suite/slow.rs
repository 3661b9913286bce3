//! Readers that are slower than the events come.

use std::{collections::BTreeMap, sync::Arc};

use headwater_events::{Cursor, Event};
use headwater_store::GapReason;
use serde::Deserialize;

use super::{
    Factory, Subject,
    kit::{delta, id, ids, note, padded, publish, publish_all, stream, tight},
    tape::Tape,
};
use crate::{Error, Overflow, Start, Subscription};

/// How many events come while the reader does not read; its ring holds 16.
const EVENTS: usize = 10_000;

/// A reader that caught up and then reads nothing while `EVENTS` events come.
async fn overrun(subject: &dyn Subject, run: &str, overflow: Overflow) -> (Tape, Vec<Cursor>) {
    let broker = subject.broker();
    let mut reader = Tape::start(&*broker, Subscription::new(stream(run)).overflow(overflow)).await;
    let mut cursors = publish_all(&*broker, &[note(run, 0)]).await;
    reader.events(1).await;
    // What is on its way to the reader has left the ring: only beyond that is the reader slow.
    let pad = subject.buffered_bytes() * 2 / EVENTS;
    let events: Vec<_> = (1..EVENTS).map(|n| padded(run, n, pad)).collect();
    cursors.extend(publish_all(&*broker, &events).await);
    (reader, cursors)
}

/// `catch_up`: every event comes, in order, with a ring of 16 and 10,000 events.
pub async fn catch_up_loses_nothing(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let (mut reader, cursors) = overrun(&*subject, "cl", Overflow::CatchUp).await;
    reader.events(EVENTS).await;
    reader.is_exactly(&ids("cl", 0..EVENTS));
    assert_eq!(reader.events.last().map(|d| &d.cursor), cursors.last());
    publish(&*subject.broker(), &[note("cl", EVENTS)]).await;
    reader.events(EVENTS + 1).await;
    reader.is_exactly(&ids("cl", 0..EVENTS + 1));
}

/// `drop_oldest`: what came and what the gaps tell are together everything, and nothing twice.
pub async fn drop_oldest_tells_exactly_what_is_missing(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let (mut reader, mut cursors) = overrun(&*subject, "do", Overflow::DropOldest(8)).await;
    cursors.extend(publish_all(&*subject.broker(), &[note("do", EVENTS)]).await);
    reader.until(&id("do", EVENTS)).await;
    assert!(!reader.gaps.is_empty(), "so slow a reader loses something; {}", reader.story());
    assert!(reader.gaps.iter().all(|gap| gap.reason == GapReason::Overflow), "{}", reader.story());
    reader.accounts_for(&cursors);
    // It keeps the newest, and it is a reader as before.
    publish(&*subject.broker(), &[note("do", EVENTS + 1)]).await;
    reader.until(&id("do", EVENTS + 1)).await;
}

/// `disconnect`: the error's cursor is behind what was delivered, and leads to exactly the rest.
pub async fn disconnect_gives_a_usable_cursor(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let (mut reader, _) = overrun(&*subject, "di", Overflow::Disconnect).await;
    while reader.step().await {}
    let Some(Error::SlowConsumer { ref cursor }) = reader.error else {
        panic!("a slow reader is disconnected; {}", reader.story());
    };
    let came = reader.events.len();
    reader.is_exactly(&ids("di", 0..came));
    assert!(came < EVENTS, "so slow a reader gets less than everything");
    let broker = subject.broker();
    let mut rest =
        Tape::start(&*broker, Subscription::new(stream("di")).start(Start::After(cursor.clone()))).await;
    rest.events(EVENTS - came).await;
    rest.is_exactly(&ids("di", came..EVENTS));
}

#[derive(Deserialize)]
struct Piece {
    text: String,
}

fn text(event: &Event) -> String {
    event.data_as::<Piece>().expect("a piece of text").text
}

/// `conflate`: the pieces are fewer, the text is the same.
pub async fn conflate_keeps_the_text(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let broker = subject.broker();
    let pad = "~".repeat(subject.buffered_bytes() * 2 / EVENTS);
    let subscription = Subscription::new(stream("co")).overflow(Overflow::Conflate);
    let mut reader = Tape::start(&*broker, subscription).await;
    reader.until_caught_up().await;
    let events: Vec<_> = (0..EVENTS).map(|n| delta("co", n, "p", &format!("{n} \"é\n{pad}"))).collect();
    publish_all(&*broker, &events).await;
    publish(&*broker, &[note("co", EVENTS)]).await;
    reader.until(&id("co", EVENTS)).await;
    assert!(reader.gaps.is_empty(), "{}", reader.story());
    reader.is_ordered();
    let (last, pieces) = reader.events.split_last().expect("events");
    assert_eq!((last.event().id(), last.merged), (id("co", EVENTS).as_str(), 1));
    let have: String = pieces.iter().map(|d| text(d.event())).collect();
    let want: String = events.iter().map(text).collect();
    assert!(have == want, "the text is the same: {} bytes instead of {}", have.len(), want.len());
    let merged: usize = pieces.iter().map(|d| usize::try_from(d.merged).unwrap_or(usize::MAX)).sum();
    assert_eq!(merged, EVENTS, "each piece says how many it stands for");
    assert!(pieces.len() < EVENTS, "a slow reader gets fewer pieces");
    // A merged piece has the last one's id and place.
    let mut upto = 0;
    for piece in pieces {
        upto += usize::try_from(piece.merged).unwrap_or(usize::MAX);
        assert_eq!(piece.event().id(), id("co", upto - 1));
    }
}

/// Only neighbours of one part are merged: nothing changes its place.
pub async fn conflate_merges_only_neighbours_of_one_part(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let broker = subject.broker();
    let mut events = vec![note("cn", 0)];
    for n in 1..600 {
        events.push(match n % 60 {
            0 => note("cn", n),
            m if m < 30 => delta("cn", n, "one", &format!("{n},")),
            m if m < 50 => delta("cn", n, "two", &format!("{n},")),
            m => delta("cn", n, if m % 2 == 0 { "one" } else { "two" }, &format!("{n},")),
        });
    }
    publish_all(&*broker, &events).await;
    let subscription = Subscription::new(stream("cn")).overflow(Overflow::Conflate);
    let mut reader = Tape::start(&*broker, subscription).await;
    reader.until_caught_up().await;
    reader.is_ordered();
    let mut at = 0;
    for delivery in &reader.events {
        let merged = usize::try_from(delivery.merged).unwrap_or(usize::MAX);
        let stands_for = &events[at..at + merged];
        at += merged;
        let last = stands_for.last().expect("at least one");
        assert_eq!(delivery.event().id(), last.id());
        assert!(
            stands_for.iter().all(|e| (e.subject(), e.ty()) == (last.subject(), last.ty())),
            "one part only"
        );
        if merged > 1 {
            assert_eq!(text(delivery.event()), stands_for.iter().map(text).collect::<String>());
        } else {
            assert_eq!(delivery.event().data(), last.data());
        }
    }
    assert_eq!(at, events.len(), "nothing is lost");
    let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
    for delivery in &reader.events {
        *parts.entry(delivery.event().subject().unwrap_or("")).or_default() += 1;
    }
    assert!(reader.events.len() < events.len() / 2, "history that waits is merged: {parts:?}");
}

/// A reader that reads nothing holds up neither publishers nor other readers, under any policy.
pub async fn a_slow_reader_delays_nobody(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let broker = subject.broker();
    let mut asleep = Vec::new();
    for overflow in [Overflow::CatchUp, Overflow::Conflate, Overflow::DropOldest(4), Overflow::Disconnect] {
        for _ in 0..4 {
            asleep.push(Tape::start(&*broker, Subscription::new(stream("sd")).overflow(overflow)).await);
        }
    }
    let mut awake = Tape::start(&*broker, Subscription::new(stream("sd"))).await;
    let writer = Arc::clone(&broker);
    let pad = subject.buffered_bytes() * 2 / EVENTS;
    let written = tokio::spawn(async move {
        let events: Vec<_> = (0..EVENTS).map(|n| padded("sd", n, pad)).collect();
        publish_all(&*writer, &events).await;
    });
    awake.events(EVENTS).await;
    awake.is_exactly(&ids("sd", 0..EVENTS));
    written.await.expect("everything is published");
    for reader in &asleep {
        assert!(reader.events.is_empty() && !reader.over);
    }
}
