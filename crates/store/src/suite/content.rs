//! What comes back is what went in.

use std::{sync::Arc, time::Duration};

use headwater_events::{Class, Data, Event, Mark};

use super::{
    Case,
    case::{event, stream, tenant},
    checks::{append, read_all},
    view::{Live, at, end},
};
use crate::{Append, ClassesKey, ReadScope, Record, Store};

fn odd_events() -> Vec<Append> {
    let builder =
        || Event::builder("/suite", "suite.odd.v1").tenant(&tenant("default")).stream(&stream("odd"));
    let large = "x".repeat(200 * 1024);
    let events = [
        builder().id("none"),
        builder().id("text").data(&"a \"quoted\"\nline, ünïcödé, \u{1f30a}"),
        builder().id("object").data(&serde_json::json!({"a": [1, 2.5, null, {"b": "c"}]})),
        builder().id("binary").data_bytes(vec![0, 255, 10, 13]),
        builder().id("empty").data_bytes(Vec::new()),
        builder().id("large").data(&large),
        builder().id("all").subject("odd").sequence(u64::MAX).traceparent("00-1-2-01").tracestate("k=v"),
        builder()
            .id("more")
            .correlationid("c")
            .causationid("d")
            .dataref("https://x/y")
            .extension("shade", "\"teal\""),
    ];
    let append = |event: Event| Append {
        event,
        tenant: tenant("default"),
        stream: stream("odd"),
        class: Class::Durable,
        mark: Mark::None,
    };
    events.into_iter().map(|builder| append(builder.build().expect("an event"))).collect()
}

/// Every attribute and payload comes back as it was, by `read` and by `follow`.
pub async fn events_come_back_as_they_were(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &end(&store).await).await;
    let batch = odd_events();
    let last = append(&store, batch.clone()).await[batch.len() - 1].position;
    let scope = ReadScope::Stream(tenant("default"), stream("odd"), ClassesKey::Visible);
    for got in [read_all(&store, &scope).await, live.until(&at(&store, "odd", last)).await] {
        assert_eq!(got.records.len(), batch.len());
        for (sent, got) in batch.iter().zip(&got.records) {
            same(&sent.event, got.event());
        }
    }
}

fn same(sent: &Event, got: &Event) {
    assert_eq!(sent.json(), got.json());
    assert_eq!((sent.id(), sent.source(), sent.ty()), (got.id(), got.source(), got.ty()));
    assert_eq!((sent.subject(), sent.stream(), sent.tenant()), (got.subject(), got.stream(), got.tenant()));
    assert_eq!((sent.time_text(), sent.sequence()), (got.time_text(), got.sequence()));
    assert_eq!(sent.extensions().collect::<Vec<_>>(), got.extensions().collect::<Vec<_>>());
    let empty = |data: &Data| matches!(data, Data::Binary(bytes) if bytes.is_empty());
    assert!(sent.data() == got.data() || empty(sent.data()) && empty(got.data()), "{sent:?} {got:?}");
}

pub(super) async fn append_each_kind(store: &Arc<dyn Store>) -> Vec<Append> {
    let classes = [Class::Durable, Class::Transient, Class::Internal];
    let marks = [Mark::None, Mark::Opens, Mark::Completed, Mark::Failed, Mark::Cancelled];
    let kinds: Vec<_> = classes.into_iter().flat_map(|c| marks.into_iter().map(move |m| (c, m))).collect();
    let batch: Vec<_> = kinds
        .into_iter()
        .enumerate()
        .map(|(n, (class, mark))| event("default", "kinds", n, class, mark))
        .collect();
    append(store, batch.clone()).await;
    batch
}

pub(super) fn same_kinds(sent: &[Append], got: &[Record]) {
    let sent: Vec<_> = sent.iter().map(|a| (a.event.id().to_owned(), a.class, a.mark)).collect();
    let got: Vec<_> = got.iter().map(|r| (r.event().id().to_owned(), r.class(), r.mark())).collect();
    assert_eq!(sent, got);
}

/// Class and mark are those of the append, whatever the catalogue says of the type.
pub async fn class_and_mark_are_those_of_the_append(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &end(&store).await).await;
    let batch = append_each_kind(&store).await;
    let scope = ReadScope::Stream(tenant("default"), stream("kinds"), ClassesKey::All);
    let all = read_all(&store, &scope).await;
    same_kinds(&batch, &all.records);
    let last = all.positions().pop().expect("a last one");
    same_kinds(&batch, &live.until(&at(&store, "kinds", last)).await.records);
}

/// `stored_at` is the log's own time, of the answer and of the record alike, whatever the event's time says.
pub async fn stored_at_is_the_logs_time(case: Case) {
    let store = case.open().await;
    let step = case.span(Duration::from_millis(1234), Duration::from_millis(20));
    let mut stored = Vec::new();
    for n in 0..5 {
        case.pass(step).await;
        let before = case.now_ms();
        let mut one = event("default", "a", n, Class::Durable, Mark::None);
        let long_ago = "2001-01-01T00:00:00Z".parse().expect("a time");
        one.event = one.event.to_builder().time(long_ago).build().expect("an event");
        let at = append(&store, vec![one]).await[0].stored_at.as_millisecond();
        // A server on another machine's clock may be a little off; one that does not look at the clock is far off.
        let off = if case.is_manual() { 0 } else { 60_000 };
        assert!((before - off..=case.now_ms() + off).contains(&at), "stored at {at}, which is not about now");
        stored.push(at);
    }
    assert!(stored.is_sorted(), "time goes on: {stored:?}");
    let scope = ReadScope::Stream(tenant("default"), stream("a"), ClassesKey::Visible);
    let all = read_all(&store, &scope).await;
    let times: Vec<_> = all.records.iter().map(Record::stored_at_ms).collect();
    assert_eq!(times, stored, "the record has the time of the answer");
}
