//! The official SDK as a second opinion: our JSON parses there, and theirs here.

use cloudevents::{AttributesReader, Data, EventBuilder, EventBuilderV10};
use headwater_events::Event;
use serde_json::json;

#[test]
fn ours_parses_there() {
    let event = Event::builder("/agents/ä", "workflow.started.v1")
        .subject("wf-1/task/7")
        .tenant(&"acme".parse().unwrap())
        .stream(&"wf-1".parse().unwrap())
        .sequence(12)
        .correlationid("c-1")
        .datacontenttype("application/json")
        .extension("note", "say \"hi\"")
        .data(&json!({"name": "größe", "n": [1, 2.5, null]}))
        .build()
        .unwrap();
    let theirs: cloudevents::Event = serde_json::from_slice(event.json()).unwrap();
    assert_eq!(theirs.id(), event.id());
    assert_eq!(theirs.ty(), event.ty());
    assert_eq!(theirs.source().as_str(), "/agents/ä");
    assert_eq!(theirs.subject(), event.subject());
    assert_eq!(theirs.time().unwrap().timestamp_millis(), event.time().unwrap().as_millisecond());
    assert_eq!(theirs.extension("tenant").unwrap().to_string(), "acme");
    assert_eq!(theirs.extension("sequence").unwrap().to_string(), "12");
    assert_eq!(theirs.extension("note").unwrap().to_string(), "say \"hi\"");
    assert_eq!(theirs.data(), Some(&Data::Json(json!({"name": "größe", "n": [1, 2.5, null]}))));
}

#[test]
fn our_bytes_parse_there() {
    let event =
        Event::builder("/a", "t").datacontenttype("image/png").data_bytes(vec![0, 255, 7]).build().unwrap();
    let theirs: cloudevents::Event = serde_json::from_slice(event.json()).unwrap();
    assert_eq!(theirs.data(), Some(&Data::Binary(vec![0, 255, 7])));
}

#[test]
fn theirs_parses_here() {
    let theirs = EventBuilderV10::new()
        .id("their-id")
        .source("https://example.org/source")
        .ty("com.example.thing")
        .subject("wf-9/x")
        .time("2026-03-04T05:06:07.123456Z")
        .extension("stream", "wf-9")
        .extension("count", 5)
        .extension("yes", true)
        .data("application/json", json!({"a": "ü"}))
        .build()
        .unwrap();
    let event = Event::from_json(serde_json::to_vec(&theirs).unwrap()).unwrap();
    assert_eq!(event.id(), "their-id");
    assert_eq!(event.source(), "https://example.org/source");
    assert_eq!(event.stream(), "wf-9");
    assert_eq!(event.time_text(), Some("2026-03-04T05:06:07.123Z"));
    assert_eq!(event.extensions().collect::<Vec<_>>(), [("count", "5"), ("yes", "true")]);
    assert_eq!(event.data_as::<serde_json::Value>().unwrap(), json!({"a": "ü"}));
    // And back again, unharmed but for the precision of the time.
    let again: cloudevents::Event = serde_json::from_slice(event.json()).unwrap();
    assert_eq!(again.data(), theirs.data());
    assert_eq!(again.extension("count"), theirs.extension("count"));
}
