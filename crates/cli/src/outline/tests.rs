use super::*;
use crate::output::Paint;

fn event(ty: &str, subject: &str, second: u64, data: &str) -> Event {
    let time = format!("2026-01-01T00:00:{second:02}Z").parse().unwrap();
    Event::builder("/agents/a", ty).subject(subject).time(time).data_json(data.to_owned()).build().unwrap()
}

fn run() -> Outline {
    let mut outline = Outline::default();
    for event in [
        event("workflow.started.v1", "wf", 0, r#"{"name":"build it"}"#),
        event("generation.started.v1", "wf/generation", 1, "{}"),
        event("llm.started.v1", "wf/generation/llm", 1, r#"{"model":"m-1"}"#),
        event("llm.delta.v1", "wf/generation/llm", 2, r#"{"text":"Hel"}"#),
        event("llm.delta.v1", "wf/generation/llm", 2, r#"{"text":"lo\u001b[31m"}"#),
        event("llm.completed.v1", "wf/generation/llm", 3, r#"{"text":"Hello","usage":{"output_tokens":2}}"#),
        event("generation.completed.v1", "wf/generation", 4, "{}"),
        event("workflow.progressed.v1", "wf", 5, r#"{"percentage":50}"#),
        event("audit.started.v1", "wf/audit", 5, "{}"),
        event("audit.failed.v1", "wf/audit", 9, r#"{"error":"no"}"#),
    ] {
        outline.apply(&event);
    }
    outline
}

fn drawn(outline: &Outline, rows: usize) -> Vec<String> {
    let look = Look { width: 60, rows, now: None, frame: 0 };
    outline.draw(look).iter().map(|line| line.render(Paint(false)).trim_end().to_owned()).collect()
}

#[test]
fn a_tree_with_lengths() {
    let lines = drawn(&run(), 10);
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("⣾ build it  ━━") && lines[0].ends_with("50%"), "{}", lines[0]);
    assert!(lines[1].starts_with("├─ ✓ generation") && lines[1].ends_with("3.0 s"), "{}", lines[1]);
    assert!(
        lines[2].starts_with("│  └─ ✓ llm m-1 · llm  2 tokens") && lines[2].ends_with("2.0 s"),
        "{}",
        lines[2]
    );
    assert!(lines[3].starts_with("└─ ✗ audit  no") && lines[3].ends_with("4.0 s"), "{}", lines[3]);
}

#[test]
fn what_is_done_folds_when_rows_are_few() {
    let lines = drawn(&run(), 3);
    assert_eq!(lines.len(), 3);
    assert!(lines[1].contains("generation  (+1)"), "{}", lines[1]);
}

#[test]
fn the_voice_holds_no_control_characters() {
    assert_eq!(run().voice().unwrap().text, "Hello\u{fffd}[31m");
    assert_eq!((run().durable(), run().transient(), run().open()), (7, 3, 1));
}

#[test]
fn kinds_at_one_subject_nest_while_they_are_open() {
    let mut outline = Outline::default();
    for event in [
        event("workflow.started.v1", "wf", 0, "{}"),
        event("generation.started.v1", "wf", 1, "{}"),
        event("generation.completed.v1", "wf", 2, "{}"),
        event("generation.started.v1", "wf", 3, "{}"),
    ] {
        outline.apply(&event);
    }
    assert_eq!(outline.len(), 3);
    assert_eq!(outline.parts()[0].children.len(), 2);
}
