//! The catalogue as data: classes, marks, names.

use std::collections::HashSet;

use headwater_events::{
    Class, Event, Mark,
    catalogue::{self, Dialect, Kind, Role},
    class_of, dialect, mark_of,
};
use rstest::rstest;

#[rstest]
#[case("workflow.started.v1", Class::Durable, Mark::Opens)]
#[case("workflow.started", Class::Durable, Mark::Opens)]
#[case("workflow.created.v1", Class::Durable, Mark::Opens)]
#[case("workflow.resumed.v1", Class::Durable, Mark::Opens)]
#[case("workflow.suspended.v1", Class::Durable, Mark::None)]
#[case("workflow.progressed.v1", Class::Transient, Mark::None)]
#[case("workflow.completed.v1", Class::Durable, Mark::Completed)]
#[case("workflow.completed.v7", Class::Durable, Mark::Completed)]
#[case("workflow.failed.v1", Class::Durable, Mark::Failed)]
#[case("workflow.cancelled.v1", Class::Durable, Mark::Cancelled)]
#[case("workflow.cancellation.requested.v1", Class::Durable, Mark::None)]
#[case("task.completed.v1", Class::Durable, Mark::None)]
#[case("llm.delta.v1", Class::Transient, Mark::None)]
#[case("llm.reasoning.delta.v1", Class::Transient, Mark::None)]
#[case("llm.completed.v1", Class::Durable, Mark::None)]
#[case("tool.arguments.v1", Class::Transient, Mark::None)]
#[case("token.v1", Class::Transient, Mark::None)]
#[case("checkpoint.saved.v1", Class::Internal, Mark::None)]
#[case("dropped.v1", Class::Durable, Mark::None)]
#[case("com.example.order.placed", Class::Durable, Mark::None)]
#[case("llm.deltas.v1", Class::Durable, Mark::None)]
#[case("llm", Class::Durable, Mark::None)]
#[case("v1", Class::Durable, Mark::None)]
#[case("", Class::Durable, Mark::None)]
fn class_and_mark_follow_the_type(#[case] ty: &str, #[case] class: Class, #[case] mark: Mark) {
    assert_eq!(class_of(ty), class);
    assert_eq!(mark_of(ty), mark);
}

#[rstest]
#[case("workflow.completed.v1", Some("wf-1"), None, Mark::Completed)]
#[case("workflow.completed.v1", Some("wf-1"), Some("wf-1"), Mark::Completed)]
#[case("workflow.completed.v1", None, Some("wf-1"), Mark::Completed)]
#[case("workflow.completed.v1", Some("wf-1/workflow/wf-2"), None, Mark::None)]
#[case("workflow.completed.v1", Some("wf-2"), Some("wf-1"), Mark::None)]
#[case("llm.completed.v1", Some("wf-1"), None, Mark::None)]
#[case("task.completed.v1", Some("wf-1"), None, Mark::None)]
#[case("final", Some("wf-1"), None, Mark::None)]
fn only_the_root_opens_and_ends_its_run(
    #[case] ty: &str,
    #[case] subject: Option<&str>,
    #[case] stream: Option<&str>,
    #[case] mark: Mark,
) {
    let mut builder = Event::builder("/a", ty);
    if let Some(subject) = subject {
        builder = builder.subject(subject);
    }
    if let Some(stream) = stream {
        builder = builder.stream(&stream.parse().unwrap());
    }
    assert_eq!(builder.build().unwrap().mark(), mark);
}

#[test]
fn every_entry_is_found_and_well_formed() {
    let mut types = HashSet::new();
    for entry in catalogue::all() {
        assert!(types.insert(entry.ty), "{} stands twice", entry.ty);
        assert_eq!(catalogue::lookup(entry.ty).unwrap().ty, entry.ty);
        assert_eq!(catalogue::lookup_name(entry.name).unwrap().name, entry.name);
        assert_eq!(entry.ty, format!("{}.v{}", entry.name, entry.version));
        assert_eq!(class_of(entry.ty), entry.class);
        assert_eq!(mark_of(entry.ty), entry.mark());
        assert!(!entry.summary().is_empty());
        let token =
            |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(entry.name.split('.').all(token), "{}", entry.name);
        if entry.delta.is_some() {
            assert_eq!(entry.class, Class::Transient, "{}: deltas are transient", entry.ty);
        }
        assert!(entry.name_in(Dialect::Dotted).is_some(), "{} has its own name", entry.ty);
        assert!(entry.name_in(Dialect::Constant).is_some(), "{} has a constant", entry.ty);
    }
    assert!(types.len() > 70, "{} types", types.len());
}

#[test]
fn every_kind_opens_and_ends() {
    let kinds: HashSet<Kind> = catalogue::all().filter_map(|entry| entry.role.kind()).collect();
    for kind in kinds {
        let of = |f: fn(Role) -> bool| catalogue::all().any(|e| e.role.kind() == Some(kind) && f(e.role));
        assert!(of(Role::opens), "{kind:?} opens");
        assert!(of(Role::ends), "{kind:?} ends");
    }
}

#[test]
fn every_name_of_every_dialect_means_one_type_and_comes_back() {
    let mut seen = HashSet::new();
    for entry in catalogue::all() {
        for alias in entry.aliases {
            let key = (alias.dialect, alias.name.to_ascii_lowercase());
            assert!(seen.insert(key), "{alias:?} means two types");
            let meant = dialect::canonical_in(alias.dialect, alias.name).unwrap();
            assert_eq!(meant.ty, entry.ty);
            // The way out and in again, by the name that goes out.
            let out = dialect::name_in(alias.dialect, meant.ty).unwrap();
            assert_eq!(dialect::canonical_in(alias.dialect, out).unwrap().ty, entry.ty);
            assert!(dialect::canonical(alias.name).is_some());
        }
    }
}

#[rstest]
#[case("WORKFLOW_STARTED", "workflow.started.v1")]
#[case("workflow.started", "workflow.started.v1")]
#[case("partial", "llm.delta.v1")]
#[case("tool-call", "tool.call.v1")]
#[case("tool-result", "tool.result.v1")]
#[case("final", "llm.completed.v1")]
#[case("start", "llm.started.v1")]
#[case("CHILD_WORKFLOW_INITIATED", "child.initiated.v1")]
#[case("CANCELLATION_REQUESTED", "workflow.cancellation.requested.v1")]
#[case("CHILD_WORKFLOW_CANCELLATION_FAILED", "child.cancellation.failed.v1")]
#[case("workflow.task.created.v1", "task.created.v1")]
#[case("workflow_progressed", "workflow.progressed.v1")]
#[case("node", "node.message.v1")]
#[case("diagnostic", "diagnostic.message.v1")]
#[case("llm", "llm.delta.v1")]
#[case("token", "token.v1")]
#[case("error", "error.v1")]
#[case("A2A_REQUEST", "a2a.request.v1")]
#[case("DEPLOYMENT_CONFIRMED", "deployment.confirmed.v1")]
fn names_of_others_mean_ours(#[case] name: &str, #[case] ty: &str) {
    assert_eq!(dialect::canonical(name).unwrap().ty, ty);
}
