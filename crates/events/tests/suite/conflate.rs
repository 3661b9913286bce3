//! Deltas of one part become one event; nothing else does.

use headwater_events::{
    Event,
    catalogue::{LlmCompleted, LlmDelta, ToolArguments},
    conflate::{merge, same_part, times},
};

fn delta(text: &str) -> Event {
    Event::of("/agents/a", "wf-1/llm/m-1", &LlmDelta::new(text).stream_id("m-1")).build().unwrap()
}

fn text(event: &Event) -> String {
    event.data_as::<LlmDelta>().unwrap().text
}

#[test]
fn text_is_joined_and_the_last_event_stands_for_all() {
    let events = [delta("one "), delta("\"two\"\n"), delta("größer 🦀")];
    let refs: Vec<_> = events.iter().collect();
    let merged = merge(&refs).unwrap();
    assert_eq!(text(&merged), "one \"two\"\ngrößer 🦀");
    assert_eq!(merged.id(), events[2].id());
    assert_eq!(merged.time_text(), events[2].time_text());
    assert_eq!(times(&merged), 3);
    assert_eq!(merged.data_as::<LlmDelta>().unwrap().stream_id.as_deref(), Some("m-1"));
    // What was merged is an ordinary event: it reads back as itself.
    assert_eq!(Event::from_json(merged.json().clone()).unwrap(), merged);
}

#[test]
fn merging_goes_on_where_it_left_off() {
    let events = [delta("a"), delta("b"), delta("c"), delta("d")];
    let first = merge(&[&events[0], &events[1]]).unwrap();
    let all = merge(&[&first, &events[2], &events[3]]).unwrap();
    assert_eq!(text(&all), "abcd");
    assert_eq!(times(&all), 4);
}

#[test]
fn a_single_event_is_itself() {
    let event = delta("a");
    assert_eq!(merge(&[&event]), Some(event));
    assert_eq!(merge(&[]), None);
}

#[test]
fn other_parts_stay_apart() {
    let here = delta("a");
    let build = |b: headwater_events::Builder| b.build().unwrap();
    let payload = LlmDelta::new("b").stream_id("m-1");
    let others = [
        build(Event::of("/agents/b", "wf-1/llm/m-1", &payload)),
        build(Event::of("/agents/a", "wf-1/llm/m-2", &payload)),
        build(Event::of("/agents/a", "wf-1/llm/m-1", &LlmDelta::new("b").stream_id("m-2"))),
        build(Event::of("/agents/a", "wf-1/llm/m-1", &LlmDelta::new("b").stream_id("m-1").part("2"))),
        build(Event::of("/agents/a", "wf-1/llm/m-1", &ToolArguments::new("b"))),
        build(Event::of("/agents/a", "wf-1/llm/m-1", &LlmCompleted::new().text("b"))),
        build(Event::of("/agents/a", "wf-1/llm/m-1", &payload).tenant(&"other".parse().unwrap())),
        build(Event::builder("/agents/a", "llm.delta.v1").subject("wf-1/llm/m-1")),
    ];
    for other in &others {
        assert!(!same_part(&here, other), "{other:?}");
        assert_eq!(merge(&[&here, other]), None, "{other:?}");
        assert_eq!(merge(&[other, &here]), None, "{other:?}");
    }
}
