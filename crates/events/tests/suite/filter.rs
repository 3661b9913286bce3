//! The one matcher.

use headwater_events::Filter;
use rstest::rstest;

#[rstest]
#[case("", "anything.at.all", true)]
#[case("  ", "anything", true)]
#[case(",", "anything", true)]
#[case("*", "anything.v1", true)]
#[case("task, *", "workflow.started.v1", true)]
#[case("*,task", "workflow.started.v1", true)]
#[case("workflow", "workflow.started.v1", true)]
#[case("workflow", "workflow.task.created.v1", true)]
#[case("workflow", "workflows.started.v1", false)]
#[case("workflow.", "workflow.started.v1", true)]
#[case("work", "workflow.started.v1", false)]
#[case("workflow.started", "workflow.started.v1", true)]
#[case("workflow.started", "workflow.started", true)]
#[case("workflow.started.v1", "workflow.started.v1", true)]
#[case("workflow.started.v2", "workflow.started.v1", false)]
#[case("workflow.started", "workflow.startedx.v1", false)]
#[case(" Workflow.STARTED ", "workflow.started.v1", true)]
#[case("workflow.started", "Workflow.Started.v1", true)]
#[case("*.failed", "task.failed.v1", true)]
#[case("*.failed", "workflow.task.failed.v1", false)]
#[case("workflow.*.v1", "workflow.started.v1", true)]
#[case("workflow.*.v2", "workflow.started.v1", false)]
#[case("workflow.*", "workflow", false)]
#[case("task,llm.delta", "llm.delta.v1", true)]
#[case("task,llm.delta", "llm.completed.v1", false)]
#[case("WORKFLOW_STARTED", "workflow.started.v1", true)]
#[case("WORKFLOW_STARTED", "workflow.completed.v1", false)]
#[case("workflow_started", "workflow.started.v1", true)]
#[case("workflow.task.created.v1", "task.created.v1", true)]
#[case("workflow.task.created.v1", "workflow.task.created.v1", true)]
#[case("child_workflow_initiated", "child.initiated.v1", true)]
#[case("partial", "llm.delta.v1", true)]
#[case("partial", "partial", true)]
#[case("tool-call", "tool.call.v1", true)]
#[case("token", "token.v1", true)]
#[case("token", "token", true)]
#[case("token", "llm.delta.v1", true)]
#[case("progress", "workflow.progressed.v1", true)]
#[case("progress", "progress.v1", true)]
#[case("error", "error.v1", true)]
#[case("error", "llm.error.v1", false)]
#[case("data", "data.v1", true)]
#[case("interrupt", "interrupt.requested.v1", true)]
#[case("interrupt", "llm.interrupted.v1", false)]
fn types(#[case] list: &str, #[case] ty: &str, #[case] passes: bool) {
    let filter = Filter::types(list).unwrap();
    assert_eq!(filter.matches_parts(ty, "wf-1", "/a"), passes);
    let again = Filter::types(&filter.types_list()).unwrap();
    assert_eq!(again, filter, "a list comes back as itself");
}

#[rstest]
#[case("wf-1", "wf-1", true)]
#[case("wf-1", "wf-1/task/t-1", true)]
#[case("wf-1", "wf-10", false)]
#[case("wf-1/task", "wf-1/task/t-1", true)]
#[case("wf-1/task/", "wf-1/task/t-1", true)]
#[case("wf-1/Task", "wf-1/task/t-1", false)]
#[case("*/task", "wf-9/task/t-1", true)]
#[case("*/task", "wf-9/tool/t-1", false)]
#[case("*/task/t-1", "wf-9/task", false)]
#[case("wf-2,wf-1", "wf-1", true)]
#[case("*", "", true)]
#[case("wf-1", "", false)]
fn subjects(#[case] list: &str, #[case] subject: &str, #[case] passes: bool) {
    let filter = Filter::all().and_subjects(list).unwrap();
    assert_eq!(filter.matches_parts("a.v1", subject, "/a"), passes);
}

#[rstest]
#[case("/agents", "/agents/coordinator", true)]
#[case("/agents/", "/agents/coordinator", true)]
#[case("/agents/co", "/agents/coordinator", false)]
#[case("/agents/coordinator", "/agents/coordinator", true)]
#[case("https://example.org/x.y", "https://example.org/x.y/z", true)]
#[case("*", "/agents", true)]
fn sources(#[case] list: &str, #[case] source: &str, #[case] passes: bool) {
    let filter = Filter::all().and_sources(list).unwrap();
    assert_eq!(filter.matches_parts("a.v1", "wf-1", source), passes);
}

#[rstest]
#[case("workflow..started")]
#[case(".workflow")]
#[case("work*")]
#[case("**")]
#[case("workflow.\u{0}")]
#[case("a\nb")]
fn what_cannot_be_a_pattern_is_refused(#[case] list: &str) {
    assert!(Filter::types(list).is_err());
    // Also beside a star, so that a mistake does not pass by luck.
    assert!(Filter::types(&format!("*,{list}")).is_err());
}

#[test]
fn lists_are_bounded() {
    let list = |n: usize| (0..n).map(|i| format!("t{i}")).collect::<Vec<_>>().join(",");
    assert!(Filter::types(&list(64)).is_ok());
    assert!(Filter::types(&list(65)).is_err());
    assert!(Filter::types(&"a".repeat(513)).is_err());
}

#[test]
fn star_and_nothing_are_the_same_filter() {
    assert_eq!(Filter::types("workflow,*").unwrap(), Filter::all());
    assert!(Filter::types(" * ").unwrap().is_all());
}
