//! Publishing: stored whole or refused whole, once.

use headwater_events::{Data, Event, Filter, Tenant};
use headwater_store::suite::report;
use serde_json::json;

use super::{
    Factory,
    kit::{id, ids, name, note, padded, plain, publish, read_ids, stream, tenant, typed},
    tape::{Tape, same},
};
use crate::{Error, Start, Subscription};

/// What was published is read back as it was, in the order of the calls, where the answers say.
pub async fn what_is_published_can_be_read(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    assert!(publish(&*broker, &[]).await.is_empty(), "an empty batch is no error");
    let rich = Event::builder("/suite/ä \"quoted\"", "suite.rich.v2")
        .id("r/0")
        .subject("r/task/é")
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .extension("suiteext", "back\\slash")
        .sequence(7)
        .data(&json!({"text": "line\nfeed \u{1F30A}", "list": [1, 2.5, null]}))
        .build()
        .expect("a good event");
    let binary = Event::builder("/suite", "suite.binary.v1")
        .id("r/1")
        .stream(&name("r"))
        .datacontenttype("application/octet-stream")
        .data_bytes(vec![0u8, 255, 10, 13])
        .build()
        .expect("a good event");
    let bare =
        Event::builder("/suite", "suite.bare.v1").id("r/2").stream(&name("r")).build().expect("a good event");
    let sent = [rich, binary, bare];
    let mut published = publish(&*broker, &sent[..2]).await;
    published.extend(publish(&*broker, &sent[2..]).await);
    assert!(published.iter().all(|p| !p.duplicate));
    assert!(published.windows(2).all(|p| p[0].cursor.position() < p[1].cursor.position()), "positions grow");

    let page = broker.read(&stream("r"), &Filter::all(), Start::Earliest, 10).await.expect("a page");
    assert_eq!(page.events.len(), 3);
    for ((sent, published), delivery) in sent.iter().zip(&published).zip(&page.events) {
        let event = delivery.event();
        assert_eq!(delivery.cursor, published.cursor, "the answer's cursor is the event's");
        assert_eq!((event.id(), event.source(), event.ty()), (sent.id(), sent.source(), sent.ty()));
        assert_eq!((event.subject(), event.sequence()), (sent.subject(), sent.sequence()));
        assert_eq!((event.time_text(), event.traceparent()), (sent.time_text(), sent.traceparent()));
        assert_eq!(event.datacontenttype(), sent.datacontenttype());
        assert_eq!(event.extensions().collect::<Vec<_>>(), sent.extensions().collect::<Vec<_>>());
        assert_eq!(event.data(), sent.data());
        assert_eq!(event.stream(), "r");
        assert_eq!(event.tenant_name().ok(), Some(Tenant::default()));
    }
    assert!(matches!(page.events[1].event().data(), Data::Binary(bytes) if bytes[..] == [0, 255, 10, 13]));
    assert_eq!(page.next.position(), published[2].cursor.position().max(page.next.position()));
    assert!(!page.more && !page.end);
}

/// Of a batch with one wrong event nothing is stored, and the error names the event and its attribute.
pub async fn a_batch_is_checked_whole(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let homeless = Event::builder("/suite", "suite.note.v1").build().expect("well formed");
    let misnamed =
        Event::builder("/suite", "suite.note.v1").subject("no good/x").build().expect("well formed");
    let too_large = padded("v", 90, broker.capabilities().max_event_bytes.min(256 * 1024));
    let untrue = typed("v", 91, "llm.delta.v1", "v/llm/1", &json!({ "text": 5 }));
    for (wrong, code, attribute) in [
        (homeless, "missing-stream", Some("stream")),
        (misnamed, "invalid-stream", Some("subject")),
        (too_large, "event-too-large", None),
        (untrue, "invalid-data", Some("data")),
    ] {
        let batch = [note("v", 0), note("v", 1), wrong, note("v", 2)];
        let error = broker.publish(&batch).await.expect_err("a wrong event is refused");
        assert_eq!(error.code(), code, "{error}");
        let Error::InvalidEvent { index, error } = error else {
            panic!("{code} is another kind of error: {error}")
        };
        assert_eq!(index, 2, "the error names the event");
        if attribute.is_some() {
            let named = error.attribute_name().map(|name| name.split(['.', '/']).next().unwrap_or(name));
            assert_eq!(named, attribute, "the error names the attribute: {error}");
        }
    }
    assert!(
        read_ids(&*broker, &stream("v"), &Filter::all(), Start::Earliest).await.is_empty(),
        "nothing was stored"
    );
    assert!(
        broker.stream(&Tenant::default(), &name("v")).await.expect("an answer").is_none(),
        "there is no such run"
    );
    let answers = publish(&*broker, &[note("v", 0), note("v", 1)]).await;
    assert!(answers.iter().all(|p| !p.duplicate), "what was refused is no first one");
}

/// A batch over the limit is refused whole.
pub async fn a_batch_over_the_limit_is_refused(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let many: Vec<_> = (0..1001).map(|n| note("b", n)).collect();
    let error = broker.publish(&many).await.expect_err("1,001 events are too many");
    assert_eq!(error.code(), "batch-too-large", "{error}");
    let heavy: Vec<_> = (0..24).map(|n| padded("b", n, 200 * 1024)).collect();
    let error = broker.publish(&heavy).await.expect_err("4.7 MiB are too many");
    assert_eq!(error.code(), "batch-too-large", "{error}");
    assert!(
        read_ids(&*broker, &stream("b"), &Filter::all(), Start::Earliest).await.is_empty(),
        "nothing was stored"
    );
    publish(&*broker, &many[..1000]).await;
    same(&read_ids(&*broker, &stream("b"), &Filter::all(), Start::Earliest).await, &ids("b", 0..1000));
}

/// A second publish of (tenant, source, id) stores nothing and is answered with the first one's cursor.
pub async fn a_duplicate_gets_the_answer_of_the_first(factory: &dyn Factory) {
    let subject = plain(factory).await;
    if subject.capabilities().dedup_window.is_none() {
        return report::lacks("dedup_window");
    }
    let broker = subject.broker();
    let mut reader = Tape::start(&*broker, Subscription::new(stream("d"))).await;
    let first = publish(&*broker, &[note("d", 0), note("d", 1), note("d", 2)]).await;
    let again = publish(&*broker, &[note("d", 1), note("d", 3), note("d", 3), note("d", 0)]).await;
    assert_eq!(again.iter().map(|p| p.duplicate).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(again[0].cursor, first[1].cursor);
    assert_eq!(again[3].cursor, first[0].cursor);
    assert_eq!(again[2].cursor, again[1].cursor, "a duplicate inside one batch");
    let other_source =
        note("d", 4).to_builder().id(id("d", 0)).stream(&name("d")).build().expect("a good event");
    let other_source = with_source(&other_source, "/suite/other");
    let other_tenant = note("d", 0).to_builder().tenant(&tenant("other")).build().expect("a good event");
    assert!(!publish(&*broker, &[other_source]).await[0].duplicate, "another source is another event");
    assert!(!publish(&*broker, &[other_tenant]).await[0].duplicate, "another tenant is another event");
    publish(&*broker, &[note("d", 5)]).await;
    reader.until(&id("d", 5)).await;
    reader.is_exactly(&["d/0", "d/1", "d/2", "d/3", "d/0", "d/5"]);
}

fn with_source(event: &Event, source: &str) -> Event {
    let builder = Event::builder(source, event.ty()).id(event.id()).stream(&name(event.stream()));
    builder.build().expect("a good event")
}

/// Of many publishers at once each one's events stand in its order, all of them once.
pub async fn concurrent_publishers_keep_their_order(factory: &dyn Factory) {
    const PUBLISHERS: usize = 16;
    const EACH: usize = 40;
    let subject = plain(factory).await;
    let broker = subject.broker();
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let broker = broker.clone();
        tasks.spawn(async move {
            let mut cursors = Vec::new();
            for n in 0..EACH {
                cursors.push(publish(&*broker, &[note("c", publisher * EACH + n)]).await.remove(0).cursor);
            }
            cursors
        });
    }
    let mut cursors: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut reader = Tape::start(&*broker, Subscription::new(stream("c"))).await;
    reader.events(PUBLISHERS * EACH).await;
    reader.is_ordered();
    cursors.sort_by_key(headwater_events::Cursor::position);
    assert_eq!(
        reader.events.iter().map(|d| d.cursor.clone()).collect::<Vec<_>>(),
        cursors,
        "each stands where its answer says"
    );
    for publisher in 0..PUBLISHERS {
        let own = ids("c", publisher * EACH..(publisher + 1) * EACH);
        let seen: Vec<_> = reader.ids().into_iter().filter(|id| own.iter().any(|o| o == id)).collect();
        same(&seen, &own);
    }
}

/// What was answered is there after a restart, under the same cursors, and is still recognized; a store that keeps
/// nothing says so.
pub async fn what_was_stored_survives_a_restart(factory: &dyn Factory) {
    let mut subject = plain(factory).await;
    let cursors = super::kit::publish_notes(&*subject.broker(), "s", 0..250).await;
    subject.restart().await;
    let broker = subject.broker();
    let durable = subject.capabilities().durable;
    let mut reader =
        Tape::start(&*broker, Subscription::new(stream("s")).start(Start::After(cursors[99].clone()))).await;
    if !durable {
        reader.until_gap().await;
        assert_eq!(reader.gaps[0].reason, headwater_store::GapReason::Reset);
        return report::lacks("durable");
    }
    reader.until(&id("s", 249)).await;
    assert_eq!(reader.events.iter().map(|d| d.cursor.clone()).collect::<Vec<_>>(), cursors[100..]);
    reader.is_exactly(&ids("s", 100..250));
    if subject.capabilities().dedup_window.is_some() {
        let again = publish(&*broker, &[note("s", 249)]).await;
        assert!(again[0].duplicate && again[0].cursor == cursors[249], "still recognized");
    }
    let next = publish(&*broker, &[note("s", 250)]).await;
    assert!(next[0].cursor.position() > cursors[249].position(), "positions are never used again");
    reader.until(&id("s", 250)).await;
    reader.is_exactly(&ids("s", 100..251));
}
