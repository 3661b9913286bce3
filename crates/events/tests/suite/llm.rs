//! A model's answer as it is written.

use headwater_events::{Event, Mark, llm::LlmStreamingEvent, validate};

#[test]
fn each_moment_has_its_type_and_comes_back() {
    let time = "2026-03-04T05:06:07.089Z".parse().unwrap();
    for (moment, ty) in [
        (LlmStreamingEvent::chunk("Hel"), "llm.delta.v1"),
        (LlmStreamingEvent::final_text("Hello"), "llm.completed.v1"),
        (LlmStreamingEvent::error("overloaded"), "llm.error.v1"),
    ] {
        let moment = moment.session("s").node("n").stream("m-1").with("k", 5).at(time);
        // The subject is the run itself, and still the answer's end is not the run's.
        let event = moment.to_event("/agents/a", "wf-1").build().unwrap();
        assert_eq!(event.ty(), ty);
        assert_eq!(event.mark(), Mark::None);
        assert_eq!(validate::data(&event), Ok(()));
        assert_eq!(LlmStreamingEvent::from_event(&event).unwrap(), Some(moment));
    }
}

#[test]
fn other_events_are_none() {
    let event = Event::builder("/a", "task.created.v1").build().unwrap();
    assert_eq!(LlmStreamingEvent::from_event(&event).unwrap(), None);
    let broken = Event::builder("/a", "llm.delta.v1").data_json("{}").build().unwrap();
    assert!(LlmStreamingEvent::from_event(&broken).is_err());
}
