//! History and live are one stream, wherever and whenever a reader comes.

use std::sync::Arc;

use headwater_events::Cursor;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Factory,
    kit::{self, delta, id, ids, note, plain, publish, publish_notes, stream, tight},
    pick::Pick,
    tape::Tape,
};
use crate::{EventBroker, Start, Subscription};

/// How many events the run has.
const RUN: usize = 1000;
/// In how many runs its positions are tried: in each, every tenth position gets a reader while the run is written.
const ROUNDS: usize = 10;

/// A run of 1,000 events is read from each of its positions by a reader that comes while it is being written: each
/// gets exactly the rest, in order.
pub async fn at_every_position_of_a_run_that_is_being_written(factory: &dyn Factory) {
    let mut pick = Pick::new("at_every_position_of_a_run_that_is_being_written");
    // Odd rounds have rings so small that readers fall out of them.
    for round in 0..ROUNDS {
        let subject = if round % 2 == 0 { plain(factory).await } else { tight(factory).await };
        let broker = subject.broker();
        let run = format!("join-{round}");
        let first = broker.cursor(&stream(&run)).await.expect("a cursor");
        let (placed, mut places) = mpsc::channel(RUN + 1);
        placed.send((0, first)).await.expect("there is room");
        let writer = tokio::spawn(write(Arc::clone(&broker), run.clone(), pick.fork(), placed));
        let mut readers = JoinSet::new();
        while let Some((n, cursor)) = places.recv().await {
            if n % ROUNDS != round && n != RUN {
                continue;
            }
            let start = if n == 0 { Start::Earliest } else { Start::After(cursor) };
            let (broker, run) = (Arc::clone(&broker), run.clone());
            readers.spawn(async move { read_rest(&*broker, &run, n, start).await });
        }
        writer.await.expect("the run is written");
        let mut came = 0;
        while let Some(done) = readers.join_next().await {
            done.expect("a reader gets exactly the rest");
            came += 1;
        }
        assert!(came >= RUN / ROUNDS, "only {came} positions were tried");
    }
}

/// Writes the run in batches of 1 to 4, between events of another, and tells each place as soon as it is known.
async fn write(
    broker: Arc<dyn EventBroker>,
    run: String,
    mut pick: Pick,
    placed: mpsc::Sender<(usize, Cursor)>,
) {
    let (mut n, mut noise) = (0, 0);
    while n < RUN {
        let batch: Vec<_> = (n..RUN.min(n + 1 + pick.below(4))).map(|n| note(&run, n)).collect();
        for published in publish(&*broker, &batch).await {
            n += 1;
            placed.send((n, published.cursor)).await.expect("somebody listens");
        }
        if pick.below(8) == 0 {
            publish(&*broker, &[note("noise", noise)]).await;
            noise += 1;
        }
    }
}

async fn read_rest(broker: &dyn EventBroker, run: &str, n: usize, start: Start) {
    let mut reader = Tape::start(broker, Subscription::new(stream(run)).start(start)).await;
    reader.events(RUN - n).await;
    reader.is_exactly(&ids(run, n..RUN));
    if n == RUN {
        reader.until_caught_up().await;
        assert!(reader.events.is_empty());
    }
}

/// A reader that came before the first event gets it: by subscribing first, and by a cursor taken first.
pub async fn a_stream_can_be_subscribed_before_its_first_event(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    for round in 0..20 {
        let run = format!("first-{round}");
        let cursor = broker.cursor(&stream(&run)).await.expect("a cursor of what does not exist yet");
        let mut readers = Vec::new();
        for start in [Start::Earliest, Start::Live, Start::After(cursor.clone())] {
            readers.push(Tape::start(&*broker, Subscription::new(stream(&run)).start(start)).await);
        }
        publish(&*broker, &[note(&run, 0)]).await;
        readers
            .push(Tape::start(&*broker, Subscription::new(stream(&run)).start(Start::After(cursor))).await);
        publish(&*broker, &[note(&run, 1)]).await;
        for reader in &mut readers {
            reader.events(2).await;
            reader.is_exactly(&ids(&run, 0..2));
        }
    }
}

/// `Live` is a place: what is published after `subscribe` returned comes, what was before does not, and the
/// subscription's first cursor leads to the same.
pub async fn live_is_resolved_once(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    for round in 0..20 {
        let run = format!("live-{round}");
        publish_notes(&*broker, &run, 0..round).await;
        let mut live = Tape::start(&*broker, Subscription::new(stream(&run)).start(Start::Live)).await;
        let place = live.cursor();
        publish_notes(&*broker, &run, round..round + 5).await;
        live.events(5).await;
        live.is_exactly(&ids(&run, round..round + 5));
        assert_eq!(live.caught_up, [0], "history is empty");
        let mut again =
            Tape::start(&*broker, Subscription::new(stream(&run)).start(Start::After(place))).await;
        again.until_caught_up().await;
        again.is_exactly(&ids(&run, round..round + 5));
    }
}

/// Every cursor that a run has given resumes exactly behind its event, durable or not.
pub async fn every_cursor_resumes_exactly(factory: &dyn Factory) {
    const EVENTS: usize = 120;
    let subject = plain(factory).await;
    let broker = subject.broker();
    let kind = |n: usize| {
        if n.is_multiple_of(3) { note("rs", n) } else { delta("rs", n, "p", "t") }
    };
    let events: Vec<_> = (0..EVENTS).map(kind).collect();
    let cursors = kit::publish_all(&*broker, &events).await;
    let mut whole = Tape::start(&*broker, Subscription::new(stream("rs"))).await;
    whole.events(EVENTS).await;
    whole.is_exactly(&ids("rs", 0..EVENTS));
    assert_eq!(whole.events.iter().map(|d| d.cursor.clone()).collect::<Vec<_>>(), cursors);
    for (n, cursor) in cursors.iter().enumerate() {
        let mut rest =
            Tape::start(&*broker, Subscription::new(stream("rs")).start(Start::After(cursor.clone()))).await;
        rest.until_caught_up().await;
        rest.is_exactly(&ids("rs", n + 1..EVENTS));
        assert!(rest.cursor().position() >= cursors[EVENTS - 1].position());
    }
}

/// `CaughtUp` comes once: behind all that was stored before the subscription, whatever happens afterwards.
pub async fn caught_up_comes_exactly_once(factory: &dyn Factory) {
    let subject = tight(factory).await;
    let broker = subject.broker();
    for history in [0, 1, 10, 100, 2000] {
        let run = format!("cu-{history}");
        publish_notes(&*broker, &run, 0..history).await;
        let mut reader = Tape::start(&*broker, Subscription::new(stream(&run))).await;
        reader.until_caught_up().await;
        assert_eq!(reader.caught_up, [history], "history comes before it");
        // Falls out of its ring and reads history again: that is nothing to tell.
        publish_notes(&*broker, &run, history..history + 300).await;
        reader.until(&id(&run, history + 299)).await;
        publish_notes(&*broker, &run, history + 300..history + 301).await;
        reader.until(&id(&run, history + 300)).await;
        reader.is_exactly(&ids(&run, 0..history + 301));
        assert_eq!(reader.caught_up.len(), 1, "once; {}", reader.story());
    }
    // Behind everything that was there at the beginning, though more came before it was read.
    publish_notes(&*broker, "cu-late", 0..50).await;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("cu-late"))).await;
    publish_notes(&*broker, "cu-late", 50..150).await;
    reader.until(&id("cu-late", 149)).await;
    reader.is_exactly(&ids("cu-late", 0..150));
    if reader.caught_up.is_empty() {
        reader.until_caught_up().await;
    }
    assert!(reader.caught_up.len() == 1 && reader.caught_up[0] >= 50, "{}", reader.story());
}

/// Fifty readers of one stream, who come at fifty times, see each event once.
pub async fn many_readers_of_one_stream_all_see_everything(factory: &dyn Factory) {
    const READERS: usize = 50;
    const EVENTS: usize = 1000;
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut readers = JoinSet::new();
    for n in 0..READERS {
        let mut reader = Tape::start(&*broker, Subscription::new(stream("many"))).await;
        readers.spawn(async move {
            reader.events(EVENTS).await;
            reader.is_exactly(&ids("many", 0..EVENTS));
        });
        let share = EVENTS / READERS;
        publish_notes(&*broker, "many", n * share..(n + 1) * share).await;
    }
    while let Some(done) = readers.join_next().await {
        done.expect("a reader sees everything");
    }
}
