//! What the client makes of a server that behaves in every way a network can.

use std::time::Duration;

use crate::support::fake::{Answer, Fake};
use headwater_broker::{
    Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Item, Start, StatusKind, Subscription,
};
use headwater_client::{HttpBroker, HttpOptions};
use headwater_events::{Cursor, Epoch, Event, Filter, Position, Scope, Tenant};

fn scope() -> Scope {
    Scope::Stream(Tenant::default(), "run".parse().unwrap())
}

fn cursor(n: u64) -> Cursor {
    Cursor::new(scope().print(), Epoch(7), Position(n))
}

fn event(n: u64) -> Event {
    let event = Event::builder("/a", "note.v1")
        .time(jiff::Timestamp::UNIX_EPOCH)
        .id(n.to_string())
        .stream(&"run".parse().unwrap());
    event.data(&serde_json::json!({ "n": n })).build().unwrap()
}

/// The first block of a connection.
fn first(n: u64) -> String {
    format!(": hello\nretry: 1\nid: {}\n\n", cursor(n))
}

fn frame(n: u64) -> String {
    let json = String::from_utf8(event(n).json().to_vec()).unwrap();
    format!("id: {}\nevent: note\ndata: {json}\n\n", cursor(n))
}

fn reserved(name: &str, n: u64) -> String {
    format!("id: {}\nevent: headwater.{name}\ndata: {{}}\n\n", cursor(n))
}

fn client(fake: &Fake) -> HttpBroker {
    let options = HttpOptions::default()
        .backoff(Duration::from_millis(1), Duration::from_millis(20))
        .idle_timeout(Duration::from_millis(250))
        .attempts(4)
        .token("secret");
    HttpBroker::connect(&fake.url, options).unwrap()
}

async fn subscribe(fake: &Fake) -> EventStream {
    client(fake).subscribe(Subscription::new(scope())).await.unwrap()
}

/// Everything up to the end, as words.
async fn story(stream: &mut EventStream) -> Vec<String> {
    let mut story = Vec::new();
    let all = async {
        while let Some(item) = stream.next().await {
            story.push(match item {
                Ok(Item::Event(delivery)) => delivery.event().id().to_owned(),
                Ok(Item::Gap(gap)) => format!("gap {}", gap.reason),
                Ok(Item::CaughtUp(_)) => "caught up".to_owned(),
                Ok(Item::End(_)) => "end".to_owned(),
                Err(error) => error.code().to_owned(),
            });
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("an end");
    story
}

#[tokio::test]
async fn a_lost_connection_is_resumed_behind_the_last_whole_frame() {
    let cut = frame(3);
    let fake = Fake::new(vec![
        Answer::stream(&[first(0), frame(1), frame(2), cut[..cut.len() - 1].to_owned()].concat()),
        Answer::stream(&[first(2), frame(3), reserved("caught-up", 3)].concat()),
        Answer::nothing(),
        Answer::stream(&first(3)),
        Answer::stream(&[first(3), reserved("caught-up", 3), frame(4), reserved("end", 4)].concat()),
    ])
    .await;
    let mut stream = subscribe(&fake).await;
    assert_eq!(stream.cursor(), cursor(0), "the first block says where it begins");
    assert_eq!(story(&mut stream).await, ["1", "2", "3", "caught up", "4", "end"]);
    assert_eq!(stream.cursor(), cursor(4));
    let after: Vec<_> = fake.seen().iter().map(|seen| query(&seen.head, "after")).collect();
    let at = |n| cursor(n).to_string().to_ascii_lowercase();
    assert_eq!(after, ["earliest".to_owned(), at(2), at(3), at(3), at(3)]);
    for seen in fake.seen() {
        assert!(seen.head.contains("authorization: bearer secret"), "{}", seen.head);
        assert!(
            seen.head.contains("headwater-tenant: default")
                && seen.head.contains("accept: text/event-stream")
        );
        assert_eq!(query(&seen.head, "overflow"), "catch_up");
    }
}

/// A parameter of the request line, in lower case as the fake keeps it.
fn query(head: &str, name: &str) -> String {
    let target = head.split(' ').nth(1).unwrap();
    let found = target.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or("").to_owned()
}

#[tokio::test]
async fn a_heartbeat_moves_the_place_to_resume_from() {
    let fake = Fake::new(vec![
        Answer::stream(&[first(0), frame(1), format!(":\nid: {}\n\n", cursor(50))].concat()),
        Answer::whole(204, "text/event-stream", ""),
    ])
    .await;
    let mut stream = subscribe(&fake).await;
    assert_eq!(story(&mut stream).await, ["1", "caught up", "end"], "204 is the end");
    assert_eq!(query(&fake.seen()[1].head, "after"), cursor(50).to_string().to_ascii_lowercase());
}

#[tokio::test]
async fn silence_without_heartbeats_is_a_lost_connection() {
    let fake = Fake::new(vec![
        Answer::stream(&[first(0), frame(1)].concat()).then_silence(),
        Answer::stream(&[first(1), frame(2), reserved("end", 2)].concat()),
    ])
    .await;
    assert_eq!(story(&mut subscribe(&fake).await).await, ["1", "2", "end"]);
}

#[tokio::test]
async fn dropping_the_future_loses_nothing() {
    let blocks: String = (1..40).map(frame).collect();
    let fake =
        Fake::new(vec![Answer::stream(&[first(0), blocks, reserved("end", 39)].concat()).drop_by_drop()])
            .await;
    let mut stream = subscribe(&fake).await;
    let mut seen = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_micros(50), stream.next());
        match next.await {
            Ok(Some(Ok(Item::Event(delivery)))) => seen.push(delivery.event().id().to_owned()),
            Ok(Some(Ok(Item::End(_)))) => break,
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
    assert_eq!(seen, (1..40).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again() {
    let fake = Fake::new(vec![
        Answer::stream(
            "retry: 5\n\nevent: headwater.error\ndata: {\"code\":\"unavailable\",\"status\":503}\n\n",
        ),
        Answer::problem(503, "{}"),
        Answer::stream(&[first(0), frame(1), reserved("end", 1)].concat()),
    ])
    .await;
    assert_eq!(story(&mut subscribe(&fake).await).await, ["1", "end"]);
}

#[tokio::test]
async fn what_cannot_work_is_an_error_at_once() {
    for (answer, code) in [
        (Answer::problem(409, r#"{"code":"foreign-cursor"}"#), "foreign-cursor"),
        (Answer::problem(400, r#"{"code":"bad-cursor"}"#), "bad-cursor"),
        (Answer::problem(403, r#"{"code":"forbidden"}"#), "forbidden"),
        (Answer::whole(404, "text/html", "<h1>no</h1>"), "http-404"),
        (Answer::whole(200, "text/html", "<h1>hello</h1>"), "bad-answer"),
        (Answer::stream("id: what is this\n\n"), "bad-answer"),
    ] {
        let fake = Fake::new(vec![answer]).await;
        let error = client(&fake).subscribe(Subscription::new(scope())).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(fake.seen().len(), 1, "{code}: trying again changes nothing");
    }
}

#[tokio::test]
async fn errors_of_the_stream_reach_the_reader() {
    let slow = format!(
        "event: headwater.error\ndata: {{\"code\":\"slow-consumer\",\"status\":503,\"cursor\":\"{}\"}}\n\n",
        cursor(1)
    );
    let fake = Fake::new(vec![Answer::stream(&[first(0), frame(1), slow].concat())]).await;
    let mut stream = subscribe(&fake).await;
    assert!(matches!(stream.next().await, Some(Ok(Item::Event(_)))));
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::SlowConsumer { cursor: ref at } if *at == cursor(1)), "{error}");
    assert!(stream.next().await.is_none());

    let gone = r#"{"code":"foreign-cursor"}"#;
    let fake =
        Fake::new(vec![Answer::stream(&[first(0), frame(1)].concat()), Answer::problem(409, gone)]).await;
    assert_eq!(story(&mut subscribe(&fake).await).await, ["1", "foreign-cursor"]);
    let broken = "data: {no json}\n\n".to_owned();
    let fake = Fake::new(vec![Answer::stream(&[first(0), frame(1), broken].concat())]).await;
    assert_eq!(story(&mut subscribe(&fake).await).await, ["1", "bad-answer"]);
}

#[tokio::test]
async fn gaps_and_unknown_frames_are_read() {
    let gap = format!(
        "id: {}\nevent: headwater.gap\ndata: {{\"from\":\"{}\",\"to\":\"{}\",\"reason\":\"overflow\",\"stream\":\"run\"}}\n\n",
        cursor(9),
        cursor(1),
        cursor(9)
    );
    let later = format!("id: {}\nevent: headwater.later\ndata: x\n\n", cursor(11));
    let blocks = [first(0), frame(1), gap, frame(10), later, reserved("end", 12)].concat();
    let fake = Fake::new(vec![Answer::stream(&blocks)]).await;
    let mut stream = subscribe(&fake).await;
    stream.next().await;
    let Some(Ok(Item::Gap(gap))) = stream.next().await else { panic!("no gap") };
    assert_eq!((gap.from, gap.to, gap.stream), (cursor(1), cursor(9), None), "one stream is not named again");
    assert_eq!(story(&mut stream).await, ["10", "end"]);
}

#[tokio::test]
async fn publishing_is_tried_again_with_the_same_bytes() {
    let answer = format!(
        r#"{{"results":[{{"id":"1","cursor":"{}","duplicate":false}},{{"id":"2","cursor":"{}","duplicate":true}}]}}"#,
        cursor(1),
        cursor(2)
    );
    let fake = Fake::new(vec![
        Answer::nothing(),
        Answer::problem(503, r#"{"code":"unavailable"}"#),
        Answer::json(200, &answer),
    ])
    .await;
    let client = client(&fake);
    let published = client.publish(&[event(1), event(2)]).await.unwrap();
    let answers: Vec<_> = published.iter().map(|p| (p.cursor.clone(), p.duplicate)).collect();
    assert_eq!(answers, [(cursor(1), false), (cursor(2), true)]);
    let seen = fake.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|s| s.body == seen[0].body && s.head.starts_with("post /v1/events ")));
    assert!(seen[0].head.contains("content-type: application/cloudevents-batch+json"));
    let sent: Vec<Event> = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(sent, [event(1), event(2)]);
    assert_eq!(client.status().borrow().kind, StatusKind::Ready);
}

#[tokio::test]
async fn tries_are_counted_and_refusals_are_not_tried_again() {
    let fake = Fake::new(vec![Answer::problem(503, r#"{"code":"unavailable","detail":"full house"}"#)]).await;
    let tired = client(&fake);
    let error = tired.publish(&[event(1)]).await.unwrap_err();
    assert_eq!((error.code(), fake.seen().len()), ("unavailable", 4), "{error}");
    assert_eq!(tired.status().borrow().kind, StatusKind::Away);

    let refusal =
        r#"{"code":"invalid-attribute","index":1,"attribute":"time","detail":"event 1: time: is no time"}"#;
    for (answer, code, kind) in [
        (Answer::problem(400, refusal), "invalid-attribute", StatusKind::Ready),
        (Answer::problem(507, r#"{"code":"storage-full"}"#), "storage-full", StatusKind::ReadOnly),
        (Answer::json(200, r#"{"results":[]}"#), "bad-answer", StatusKind::Ready),
        (Answer::json(200, "hello"), "bad-answer", StatusKind::Ready),
    ] {
        let fake = Fake::new(vec![answer]).await;
        let client = client(&fake);
        let error = client.publish(&[event(1), event(2)]).await.unwrap_err();
        assert_eq!((error.code(), fake.seen().len()), (code, 1), "{error}");
        assert_eq!(client.status().borrow().kind, kind);
        if let Error::InvalidEvent { index, error } = error {
            assert_eq!((index, error.attribute_name(), error.detail()), (1, Some("time"), "is no time"));
        }
    }
}

#[tokio::test]
async fn a_batch_speaks_for_one_tenant() {
    let fake = Fake::new(vec![Answer::nothing()]).await;
    let other = event(2).to_builder().tenant(&Tenant::new("other").unwrap()).build().unwrap();
    let error = client(&fake).publish(&[event(1), other]).await.unwrap_err();
    assert!(matches!(error, Error::InvalidEvent { index: 1, .. }), "{error}");
    assert!(fake.seen().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let options =
        HttpOptions::default().attempts(2).backoff(Duration::from_millis(1), Duration::from_millis(1));
    let client = HttpBroker::connect(&url, options).unwrap();
    let error = client.read(&scope(), &Filter::all(), Start::Earliest, 1).await.unwrap_err();
    assert_eq!(error.code(), "unavailable", "{error}");
    assert!(error.to_string().contains(&url), "the error names the server: {error}");
    assert_eq!(client.status().borrow().kind, StatusKind::Away);
}

#[tokio::test]
async fn closing_ends_a_subscription_that_waits() {
    let fake = Fake::new(vec![Answer::stream(&first(0)).then_silence()]).await;
    let client = client(&fake);
    let mut stream = client.subscribe(Subscription::new(scope())).await.unwrap();
    let waiting = tokio::spawn(async move { stream.next().await.is_none() });
    client.close().await.unwrap();
    assert!(waiting.await.unwrap());
}

#[test]
fn wrong_addresses_and_tokens_are_refused() {
    for (url, token) in [("ftp://x", ""), ("localhost:7420", ""), ("", ""), ("http://localhost:1", "a\nb")] {
        let error = HttpBroker::connect(url, HttpOptions::default().token(token)).unwrap_err();
        assert_eq!(error.code(), "bad-configuration", "{url}: {error}");
    }
}
