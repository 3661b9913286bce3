//! The envelopes of other systems on the way in.

use headwater_events::{Code, Event, dialect, validate};
use rstest::rstest;
use serde_json::{Value, json};

fn accept(envelope: &Value) -> Event {
    let event = dialect::accept(envelope.to_string()).unwrap();
    assert_eq!(validate::data(&event), Ok(()), "{event:?}");
    // What was taken in is an ordinary event.
    assert_eq!(Event::from_json(event.json().clone()).unwrap(), event);
    event
}

fn data(event: &Event) -> Value {
    event.data_as().unwrap()
}

#[test]
fn a_cloudevent_is_left_alone() {
    let json = r#"{"specversion":"1.0","id":"1","source":"/a","type":"WORKFLOW_STARTED","subject":"wf-1"}"#;
    let event = dialect::accept(json).unwrap();
    assert_eq!(event, Event::from_json(json).unwrap());
    assert_eq!(dialect::normalise(&event).ty(), "workflow.started.v1");
    assert_eq!(dialect::normalise(&event).id(), "1");
}

#[test]
fn an_agent_bus() {
    let event = accept(&json!({
        "id": "e-1", "type": "workflow.progressed", "workflow_id": "wf-1", "timestamp": "2026-03-04T05:06:07.123456",
        "data": {"progress_percentage": 40, "stage": "audit"}, "source_agent": "coordinator", "metadata": {"k": 1}
    }));
    assert_eq!(event.ty(), "workflow.progressed.v1");
    assert_eq!((event.id(), event.source(), event.subject()), ("e-1", "/agents/coordinator", Some("wf-1")));
    assert_eq!(event.time_text(), Some("2026-03-04T05:06:07.123Z"));
    assert_eq!(data(&event), json!({"percentage": 40, "stage": "audit", "metadata": {"k": 1}}));
    let stage =
        accept(&json!({"type": "GENERATION_COMPLETED", "workflow_id": "wf-1", "data": {}, "metadata": null}));
    assert_eq!((stage.ty(), stage.subject()), ("generation.completed.v1", Some("wf-1/generation")));
}

#[test]
fn messages_between_agents() {
    let message = |kind: &str| {
        accept(&json!({
            "sender_agent": "audit", "receiver_agent": "testing", "message_type": kind, "correlation_id": "c-1",
            "workflow_id": "wf-1", "payload": {"x": 1}, "timestamp": "2026-03-04T05:06:07", "retry_count": 0, "timeout_ms": 5000
        }))
    };
    let request = message("run_tests");
    assert_eq!((request.ty(), request.subject()), ("a2a.request.v1", Some("wf-1/a2a/c-1")));
    assert_eq!(request.correlationid(), Some("c-1"));
    assert_eq!(data(&request)["from"], "audit");
    assert_eq!(data(&request)["method"], "run_tests");
    assert_eq!(message("RESPONSE").ty(), "a2a.response.v1");
}

#[test]
fn a_stream_publisher() {
    let event = accept(&json!({
        "id": "0190b2c4-0000-7000-8000-000000000001", "tenant_id": "7b0a", "workflow_execution_id": "wf-1",
        "task_execution_id": "t-1", "event_type": "task.created", "source": "scheduler",
        "data": {"queue": "q"}, "timestamp_ms": 1_772_600_767_089_i64, "correlation_id": "c"
    }));
    assert_eq!(
        (event.ty(), event.subject(), event.tenant()),
        ("task.created.v1", Some("wf-1/task/t-1"), Some("7b0a"))
    );
    assert_eq!(event.time().unwrap().as_millisecond(), 1_772_600_767_089);
    let task = accept(
        &json!({"id": "1", "tenant_id": "x", "task_execution_id": "t-1", "event_type": "TASK_CREATED", "source": "/s", "data": null}),
    );
    assert_eq!((task.ty(), task.subject()), ("task.created.v1", Some("t-1")));
    let state = accept(
        &json!({"type": "Event", "event": "CHILD_WORKFLOW_INITIATED", "data": {"workflowExecutionId": "wf-1"}, "timestampMs": 1_772_600_767_089_i64}),
    );
    assert_eq!((state.ty(), state.subject()), ("child.initiated.v1", Some("wf-1")));
}

#[rstest]
#[case(json!({"type": "token", "text": "Hel"}), "token.v1", json!({"text": "Hel"}))]
#[case(json!({"type": "progress", "progress": 0.5, "details": "half"}), "progress.v1", json!({"progress": 0.5, "details": "half"}))]
#[case(json!({"type": "data", "data": {"a": 1}}), "data.v1", json!({"data": {"a": 1}}))]
#[case(json!({"type": "error", "message": "no", "code": "E1"}), "error.v1", json!({"message": "no", "code": "E1"}))]
fn stream_events(#[case] envelope: Value, #[case] ty: &str, #[case] payload: Value) {
    let event = accept(&envelope);
    assert_eq!(event.ty(), ty);
    assert_eq!(data(&event), payload);
    assert_eq!(event.stream_name().unwrap_err().code(), Code::MissingStream, "it names no run");
}

#[rstest]
#[case("start", json!({}), "llm.started.v1", "s-1/llm/m-1")]
#[case("partial", json!({"delta": "lo", "completion": "Hello"}), "llm.delta.v1", "s-1/llm/m-1")]
#[case("final", json!({"text": "Hello"}), "llm.completed.v1", "s-1/llm/m-1")]
#[case("interrupt", json!({"text": "Hel"}), "llm.interrupted.v1", "s-1/llm/m-1")]
#[case("error", json!({"error": "overloaded"}), "llm.error.v1", "s-1/llm/m-1")]
#[case("status", json!({"text": "thinking"}), "progress.v1", "s-1/llm/m-1")]
#[case("tool-call", json!({"tool_call": {"id": "c-1", "name": "search", "input": "{\"q\":1}"}}), "tool.call.v1", "s-1/tool/c-1")]
#[case("tool-result", json!({"tool_result": {"id": "c-1", "result": "42"}}), "tool.result.v1", "s-1/tool/c-1")]
fn a_chat_step(#[case] ty: &str, #[case] members: Value, #[case] ours: &str, #[case] subject: &str) {
    let mut envelope = json!({
        "type": ty,
        "meta": {"message_id": "m-1", "parent_id": "m-0", "engine": "gpt-x", "usage": {"input_tokens": 3, "output_tokens": 4}},
        "step": {"step_id": "s-1", "type": "openai-chat", "input_type": "x", "output_type": "y"}
    });
    envelope.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let event = accept(&envelope);
    assert_eq!((event.ty(), event.subject(), event.source()), (ours, Some(subject), "/steps/openai-chat"));
    assert_eq!(data(&event)["execution"], json!({"step": "s-1"}));
    assert_eq!(data(&event)["conversation"]["model"], "gpt-x");
    if ty == "partial" {
        assert_eq!(data(&event)["text"], "lo", "the piece, not all that came before it");
        assert_eq!(data(&event)["stream_id"], "m-1");
    }
    if ty == "tool-call" {
        assert_eq!(data(&event)["tool_call_id"], "c-1");
        assert_eq!(data(&event)["arguments"], "{\"q\":1}");
    }
}

#[rstest]
#[case(json!({"type": "node", "scope": "work", "message": "hi", "timestamp": "2026-03-04T05:06:07Z", "metadata": {"node_id": "n", "step": 3}}), "node.message.v1")]
#[case(json!({"type": "diagnostic", "scope": "d", "message": "hi", "timestamp": "2026-03-04T05:06:07Z", "metadata": {}}), "diagnostic.message.v1")]
#[case(json!({"type": "llm", "scope": "chunk", "message": "Hel", "timestamp": "2026-03-04T05:06:07Z", "metadata": {"session_id": "s", "stream_id": "m", "is_final": false}}), "llm.delta.v1")]
#[case(json!({"type": "llm", "scope": "x", "message": "Hello", "timestamp": "2026-03-04T05:06:07Z", "metadata": {"session_id": "s", "stream_id": "m", "is_final": true}}), "llm.completed.v1")]
#[case(json!({"type": "llm", "scope": "error", "message": "no", "timestamp": "2026-03-04T05:06:07Z", "metadata": {}}), "llm.error.v1")]
#[case(json!({"Node": {"node_id": "n", "step": 3, "scope": "work", "message": "hi"}}), "node.message.v1")]
#[case(json!({"Diagnostic": {"scope": "d", "message": "hi"}}), "diagnostic.message.v1")]
#[case(json!({"LLM": {"session_id": "s", "node_id": null, "stream_id": "m", "chunk": "Hel", "is_final": false, "scope": "Chunk", "metadata": {}, "timestamp": "2026-03-04T05:06:07Z"}}), "llm.delta.v1")]
fn a_graph_runtime(#[case] envelope: Value, #[case] ty: &str) {
    let event = accept(&envelope);
    assert_eq!(event.ty(), ty);
    if ty == "llm.delta.v1" {
        assert_eq!(data(&event)["text"], "Hel");
        assert_eq!(event.subject(), Some("s/llm/m"));
    }
}

#[test]
fn typed_event_models() {
    let event = accept(&json!({
        "event_id": "e-1", "event_type": "TaskCreated", "timestamp": "1772600767.089", "data": {"task_id": "t-1"}
    }));
    assert_eq!((event.id(), event.ty(), event.subject()), ("e-1", "task.created.v1", Some("t-1/task")));
    assert_eq!(event.time_text(), Some("2026-03-04T05:06:07.089Z"));
    let chunk = accept(
        &json!({"event_id": "2", "event_type": "llm.call.chunk", "data": {"chunk": "Hel", "task_id": "t-1"}}),
    );
    assert_eq!((chunk.ty(), &data(&chunk)["text"]), ("llm.delta.v1", &json!("Hel")));
    let hash = accept(&json!({
        "ce_id": "3", "ce_type": "workflow.task.created.v1", "ce_source": "svc/api", "ce_time": "2026-03-04T05:06:07Z",
        "ce_specversion": "1.0", "ce_subject": "t-2", "ce_correlationid": "c", "data": "{\"name\":\"x\"}"
    }));
    assert_eq!((hash.ty(), hash.source(), hash.correlationid()), ("task.created.v1", "svc/api", Some("c")));
    assert_eq!(hash.subject(), Some("t-2/task"));
    assert_eq!(data(&hash), json!({"name": "x"}));
}

#[test]
fn names_nobody_knows_stay() {
    let event = accept(&json!({"type": "system.rebooted", "workflow_id": "wf 1/x", "data": {}}));
    assert_eq!((event.ty(), event.subject()), ("system.rebooted", Some("wf_1_x/system")));
}

#[rstest]
#[case("{}", Code::MissingAttribute)]
#[case("[]", Code::MalformedJson)]
#[case("{", Code::MalformedJson)]
#[case(r#"{"type":"x","workflow_id":"w","timestamp":"noon"}"#, Code::InvalidAttribute)]
#[case(r#"{"type":"x","workflow_id":"w","id":"a\nb"}"#, Code::InvalidAttribute)]
#[case(r#"{"event_type":"x","tenant_id":"a/b"}"#, Code::InvalidTenant)]
fn what_cannot_be_taken_in(#[case] envelope: &str, #[case] code: Code) {
    assert_eq!(dialect::accept(envelope.to_owned()).unwrap_err().code(), code);
}

#[test]
fn an_agent_bus_is_written_as_it_is_read() {
    let event = Event::builder("/agents/coordinator", "workflow.progressed.v1")
        .id("e-1")
        .subject("wf-1")
        .time("2026-03-04T05:06:07.123Z".parse().unwrap())
        .correlationid("c-1")
        .data(&json!({"percentage": 40}))
        .build()
        .unwrap();
    let written: Value = serde_json::from_slice(&dialect::agent_bus(&event).unwrap()).unwrap();
    assert_eq!(
        written,
        json!({
            "id": "e-1", "type": "workflow.progressed", "workflow_id": "wf-1", "timestamp": "2026-03-04T05:06:07.123Z",
            "data": {"percentage": 40}, "source_agent": "coordinator",
            "metadata": {"subject": "wf-1", "correlationid": "c-1"},
        })
    );
    let back = accept(&written);
    assert_eq!((back.id(), back.ty(), back.source()), (event.id(), event.ty(), event.source()));
    assert_eq!((back.stream(), back.time()), (event.stream(), event.time()));
    let foreign = Event::builder("/x", "my.note.v3").subject("wf-1").data_bytes(vec![1, 2]).build().unwrap();
    assert_eq!(dialect::agent_bus_name(&foreign), "my.note");
    let written: Value = serde_json::from_slice(&dialect::agent_bus(&foreign).unwrap()).unwrap();
    assert_eq!((&written["data"], &written["source_agent"]), (&json!("AQI="), &json!("/x")));
}
