//! A filter means the same everywhere, and what it hides is still passed.

use headwater_events::{Event, Filter, Scope, Tenant};
use serde_json::json;

use super::{
    Factory,
    kit::{completed, id, note, plain, publish, publish_all, read_ids, stream, typed},
    pick::Pick,
    tape::{Tape, same},
};
use crate::{Start, Subscription};

const TYPES: [&str; 8] = [
    "suite.note.v1",
    "suite.note.v2",
    "suite.noted.v1",
    "other.note.v1",
    "suite.task.failed.v1",
    "other.failed.v1",
    "suite",
    "Suite.Note.v1",
];
const SUBJECTS: [&str; 5] = ["fl", "fl/task/1", "fl/task/10", "fl/tool/1", "fl/Task/1"];
const TYPE_PATTERNS: [&str; 11] = [
    "",
    "suite",
    "suite.note",
    "SUITE.Note.v1",
    "*.failed",
    "suite.*.failed",
    "suite.note.v2, other",
    " *.note ",
    "nothing",
    "suite.not",
    "*",
];
const SUBJECT_PATTERNS: [&str; 6] = ["", "fl/task", "fl/task/1", "fl/*/1", "fl/tool,fl/Task", "task"];

/// In pages, in history and live, exactly those pass that the matcher passes.
pub async fn a_filter_means_the_same_everywhere(factory: &dyn Factory) {
    let mut pick = Pick::new("a_filter_means_the_same_everywhere");
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut events: Vec<Event> = (0..400)
        .map(|n| typed("fl", n, pick.one_of(&TYPES), pick.one_of(&SUBJECTS), &json!({ "n": n })))
        .collect();
    // With an end, a reader of the stream shows that nothing more comes.
    events.push(completed("fl", 400));
    publish_all(&*broker, &events[..200]).await;
    let scopes = [stream("fl"), Scope::Tenant(Tenant::default())];
    let mut readers = Vec::new();
    for _ in 0..16 {
        let filter = Filter::types(pick.one_of(&TYPE_PATTERNS)).expect("a good pattern");
        let filter = filter.and_subjects(pick.one_of(&SUBJECT_PATTERNS)).expect("a good pattern");
        let scope = scopes[pick.below(scopes.len())].clone();
        let subscription = Subscription::new(scope.clone()).filter(filter.clone());
        readers.push((scope, filter, Tape::start(&*broker, subscription).await));
    }
    publish_all(&*broker, &events[200..]).await;
    for (scope, filter, mut reader) in readers {
        let want: Vec<_> = events.iter().filter(|e| filter.matches(e)).map(|e| e.id().to_owned()).collect();
        match scope {
            Scope::Stream(..) => reader.finish().await,
            _ => reader.events(want.len()).await,
        }
        reader.is_exactly(&want);
        same(&read_ids(&*broker, &scope, &filter, Start::Earliest).await, &want);
        let middle = reader.events.get(want.len() / 2).map(|d| d.cursor.clone());
        if let Some(middle) = middle {
            let rest = read_ids(&*broker, &scope, &filter, Start::After(middle)).await;
            same(&rest, &want[want.len() / 2 + 1..]);
        }
    }
}

/// A reader of a sparse filter has a fresh cursor: what is hidden is behind it.
pub async fn hidden_events_move_the_cursor(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let events: Vec<_> = (0..500).map(|n| note("h", n)).collect();
    let last = publish_all(&*broker, &events).await.pop().expect("a cursor");
    let filter = Filter::types("never").expect("a good pattern");
    let mut reader = Tape::start(&*broker, Subscription::new(stream("h")).filter(filter.clone())).await;
    reader.until_caught_up().await;
    assert!(reader.events.is_empty());
    assert!(reader.cursor().position() >= last.position(), "the cursor moved past what is hidden");
    let mut start = Start::Earliest;
    let next = loop {
        let page = broker.read(&stream("h"), &filter, start, 10).await.expect("a page");
        assert!(page.events.is_empty());
        if !page.more {
            break page.next;
        }
        start = Start::After(page.next);
    };
    assert!(next.position() >= last.position(), "so did the page");
    let resumed = Subscription::new(stream("h")).start(Start::After(reader.cursor()));
    let mut resumed = Tape::start(&*broker, resumed).await;
    publish(&*broker, &[note("h", 500)]).await;
    resumed.events(1).await;
    resumed.is_exactly(&[id("h", 500)]);
}
