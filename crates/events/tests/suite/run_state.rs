//! The rules of a run.

use headwater_events::{
    Code, Event, EventError,
    run_state::{Root, RunState, Violation, check},
};
use rstest::rstest;

/// Events written as `type@subject`, with `#id` for the id in the payload of tools and models.
fn events(script: &str) -> Vec<Event> {
    script
        .split_whitespace()
        .map(|word| {
            let (ty, subject) = word.split_once('@').unwrap_or((word, ""));
            let (subject, id) = subject.split_once('#').unwrap_or((subject, ""));
            let subject = if subject.is_empty() { "wf".to_owned() } else { format!("wf/{subject}") };
            let builder = Event::builder("/a", format!("{ty}.v1")).subject(subject);
            let data = serde_json::json!({"tool_call_id": id, "stream_id": id});
            if id.is_empty() { builder } else { builder.data(&data) }.build().unwrap()
        })
        .collect()
}

fn wrong(script: &str) -> Vec<String> {
    let (events, words) = (events(script), script.split_whitespace().collect::<Vec<_>>());
    check(&events).into_iter().map(|(i, v)| format!("{}: {}", words[i], name(&v))).collect()
}

fn name(violation: &Violation) -> String {
    let debug = format!("{violation:?}");
    debug.split([' ', '{']).next().unwrap().to_owned()
}

#[rstest]
#[case("workflow.started workflow.completed")]
#[case("workflow.created workflow.started workflow.failed")]
#[case("workflow.started workflow.suspended workflow.resumed workflow.cancelled")]
#[case("workflow.started workflow.progressed custom com.example.x workflow.completed")]
#[case(
    "workflow.started task.created@t/1 task.started@t/1 task.progressed@t/1 task.completed@t/1 workflow.completed"
)]
#[case(
    "workflow.started task.started@t/1 task.failed@t/1 task.started@t/1 task.completed@t/1 workflow.completed"
)]
#[case(
    "workflow.started tool.arguments@c#1 tool.call@c#1 tool.arguments@c#1 tool.result@other#1 workflow.completed"
)]
#[case("workflow.started tool.call@c#1 tool.call@c#2 tool.error@c#2 tool.result@c#1 workflow.completed")]
#[case("workflow.started llm.started@m llm.delta@m llm.reasoning.delta@m llm.completed@m workflow.completed")]
#[case("workflow.started llm.started@m llm.interrupted@m workflow.completed")]
#[case("workflow.started workflow.started@child workflow.completed@child workflow.completed")]
#[case("workflow.started child.initiated@c child.started@c child.failed@c workflow.completed")]
#[case(
    "workflow.started timer.started@x timer.fired@x promise.created@p promise.resolved@p workflow.completed"
)]
#[case("workflow.started approval.requested@p approval.resolved@p workflow.completed")]
#[case("workflow.started deployment.started@d deployment.confirmed@d workflow.completed")]
#[case("workflow.started task.created@t workflow.failed")]
#[case("workflow.started workflow.completed workflow.resumed custom workflow.completed")]
#[case("workflow.started workflow.completed workflow.started workflow.completed")]
#[case("checkpoint.saved workflow.started workflow.completed checkpoint.saved dropped")]
#[case("workflow.started task.created@t")]
fn right(#[case] script: &str) {
    assert_eq!(wrong(script), [""; 0]);
}

#[rstest]
#[case("custom", "custom: BeforeStart")]
#[case("workflow.completed", "workflow.completed: BeforeStart")]
#[case("workflow.resumed", "workflow.resumed: BeforeStart")]
#[case("workflow.started workflow.started", "workflow.started: StartedTwice")]
#[case("workflow.started workflow.created", "workflow.created: StartedTwice")]
#[case("workflow.started workflow.completed custom", "custom: AfterEnd")]
#[case("workflow.started workflow.completed workflow.suspended", "workflow.suspended: AfterEnd")]
#[case("workflow.started workflow.completed workflow.failed", "workflow.failed: EndedTwice")]
#[case("workflow.started task.created@t workflow.completed", "workflow.completed: LeftOpen")]
#[case("workflow.started task.created@t task.created@t", "task.created@t: OpenedTwice")]
#[case("workflow.started task.completed@t", "task.completed@t: NotOpen")]
#[case("workflow.started task.created@a task.completed@b", "task.completed@b: NotOpen")]
#[case("workflow.started tool.result@c#1", "tool.result@c#1: NotOpen")]
#[case("workflow.started tool.call@c#1 tool.result@c#2", "tool.result@c#2: NotOpen")]
#[case("workflow.started tool.call@c#1 tool.result@c#1 tool.result@c#1", "tool.result@c#1: NotOpen")]
#[case("workflow.started llm.delta@m", "llm.delta@m: NotOpen")]
#[case("workflow.started llm.started@m llm.completed@m llm.delta@m", "llm.delta@m: NotOpen")]
#[case("workflow.started timer.fired@x", "timer.fired@x: NotOpen")]
fn broken(#[case] script: &str, #[case] what: &str) {
    assert_eq!(wrong(script), [what]);
}

#[test]
fn checking_leaves_the_state_alone() {
    let script = events("workflow.started task.created@t workflow.completed");
    let mut run = RunState::new();
    assert_eq!(run.root(), Root::New);
    for event in &script[..2] {
        assert!(run.apply(event).is_empty());
    }
    assert_eq!(run.check(&script[2]).len(), 1);
    assert_eq!(run.check(&script[2]).len(), 1);
    assert_eq!(run.root(), Root::Running);
    assert_eq!(run.open().map(|(kind, part)| (kind.as_str(), part)).collect::<Vec<_>>(), [("task", "wf/t")]);
    assert_eq!(run.finish().len(), 2, "neither the task nor the run has ended");
}

#[test]
fn a_piece_of_a_run_has_no_root() {
    let mut piece = RunState::fragment();
    for event in events("llm.started@m llm.delta@m tool.call@c#1 tool.result@c#1 llm.completed@m") {
        assert_eq!(piece.apply(&event), []);
    }
    assert_eq!(piece.finish(), []);
}

#[test]
fn a_violation_is_an_error_with_its_code() {
    let error = EventError::from(Violation::NotEnded);
    assert_eq!(error.code(), Code::InvalidTransition);
}
