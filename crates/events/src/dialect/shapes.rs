//! The envelopes that are recognised, each by the members that only it has.

use serde_json::{Map, Value};

use super::accept::Draft;

type Members = Map<String, Value>;

/// The event in the first envelope that fits.
pub(super) fn recognise(members: Members) -> Option<Draft> {
    let has = |name: &str| members.contains_key(name);
    let read: fn(Members) -> Option<Draft> = if has("ce_type") {
        hash_fields
    } else if has("event_type") && has("tenant_id") {
        publisher
    } else if has("event_type") && (has("event_id") || has("timestamp")) {
        model
    } else if has("message_type") && has("sender_agent") {
        a2a
    } else if has("type") && has("workflow_id") {
        agent_bus
    } else if has("type") && has("scope") && has("message") {
        graph
    } else if has("type") && (has("meta") || has("step")) {
        chat
    } else if members.get("type").and_then(Value::as_str) == Some("Event") && has("event") {
        state_event
    } else if members.len() == 1 && ["Node", "Diagnostic", "LLM"].iter().any(|variant| has(variant)) {
        graph_variant
    } else if matches!(
        members.get("type").and_then(Value::as_str),
        Some("token" | "progress" | "data" | "error")
    ) {
        stream_event
    } else {
        return None;
    };
    read(members)
}

/// An agent bus: `{id, type, workflow_id, timestamp, data, source_agent, metadata}`; some call the data `payload`.
fn agent_bus(mut m: Members) -> Option<Draft> {
    let name = take(&mut m, "type")?;
    let mut data = object(m.remove("data").or_else(|| m.remove("payload")));
    keep_metadata(&mut data, m.remove("metadata"));
    let entity = category(&name);
    Some(Draft {
        id: take(&mut m, "id"),
        source: take(&mut m, "source_agent"),
        run: take(&mut m, "workflow_id"),
        entity: Some(entity),
        time: m.remove("timestamp").filter(|t| !t.is_null()),
        name,
        data,
        ..Draft::default()
    })
}

/// A message between agents: `{sender_agent, receiver_agent, message_type, correlation_id, payload, …}`.
fn a2a(mut m: Members) -> Option<Draft> {
    let kind = m.get("message_type").and_then(Value::as_str)?.to_ascii_lowercase();
    let answer = kind.contains("response") || kind.contains("result") || kind.contains("reply");
    let correlation = take(&mut m, "correlation_id");
    let time = m.remove("timestamp").filter(|t| !t.is_null());
    if let Some(id) = &correlation {
        m.insert("request_id".to_owned(), id.as_str().into());
    }
    Some(Draft {
        name: if answer { "a2a.response" } else { "a2a.request" }.to_owned(),
        source: m.get("sender_agent").and_then(Value::as_str).map(str::to_owned),
        run: take(&mut m, "workflow_id"),
        entity: correlation.as_ref().map(|id| format!("a2a/{id}")),
        correlation,
        time,
        data: m,
        ..Draft::default()
    })
}

/// A stream publisher: `{id, tenant_id, workflow_execution_id?, task_execution_id?, event_type, source, data,
/// timestamp_ms, correlation_id?}`.
fn publisher(mut m: Members) -> Option<Draft> {
    let name = take(&mut m, "event_type")?;
    let workflow = take(&mut m, "workflow_execution_id");
    let task = take(&mut m, "task_execution_id");
    Some(Draft {
        id: take(&mut m, "id"),
        source: take(&mut m, "source"),
        entity: task.as_ref().filter(|_| workflow.is_some()).map(|task| format!("task/{task}")),
        run: workflow.or(task),
        tenant: take(&mut m, "tenant_id"),
        time: m.remove("timestamp_ms").filter(|t| !t.is_null()),
        correlation: take(&mut m, "correlation_id"),
        data: object(m.remove("data")),
        name,
        ..Draft::default()
    })
}

/// A lifecycle event inside a stream: `{type: "Event", event, data, timestampMs}`.
fn state_event(mut m: Members) -> Option<Draft> {
    let data = object(m.remove("data"));
    let id = |names: [&str; 2]| {
        names.iter().find_map(|name| data.get(*name)).and_then(Value::as_str).map(str::to_owned)
    };
    let workflow = id(["workflowExecutionId", "workflow_execution_id"]);
    let task = id(["taskExecutionId", "task_execution_id"]);
    Some(Draft {
        name: take(&mut m, "event")?,
        entity: task.as_ref().filter(|_| workflow.is_some()).map(|task| format!("task/{task}")),
        run: workflow.or(task),
        source: Some("/streams".to_owned()),
        time: m.remove("timestampMs").filter(|t| !t.is_null()),
        data,
        ..Draft::default()
    })
}

/// A stream event: `{type: "token" | "progress" | "data" | "error", …}`, which names no run.
fn stream_event(mut m: Members) -> Option<Draft> {
    Some(Draft {
        name: take(&mut m, "type")?,
        source: Some("/streams".to_owned()),
        data: m,
        ..Draft::default()
    })
}

/// A typed event model: `{event_id, event_type, timestamp, data}`.
fn model(mut m: Members) -> Option<Draft> {
    let name = take(&mut m, "event_type")?;
    let data = object(m.remove("data"));
    let (run, entity) = run_of(&data, &name);
    Some(Draft {
        id: take(&mut m, "event_id"),
        source: take(&mut m, "source"),
        run,
        entity,
        time: m.remove("timestamp").filter(|t| !t.is_null()),
        name,
        data,
        ..Draft::default()
    })
}

/// A CloudEvent as fields of a hash: `{ce_id, ce_type, ce_source, ce_time, …, data: "<JSON text>"}`.
fn hash_fields(mut m: Members) -> Option<Draft> {
    let name = take(&mut m, "ce_type")?;
    let data = match m.remove("data") {
        Some(Value::String(text)) => object(serde_json::from_str(&text).ok().or(Some(Value::String(text)))),
        other => object(other),
    };
    let (run, entity) = run_of(&data, &name);
    Some(Draft {
        id: take(&mut m, "ce_id"),
        source: take(&mut m, "ce_source"),
        run: run.or_else(|| take(&mut m, "ce_subject")),
        entity,
        time: m.remove("ce_time").filter(|t| !t.is_null()),
        correlation: take(&mut m, "ce_correlationid"),
        causation: take(&mut m, "ce_causationid"),
        name,
        data,
        ..Draft::default()
    })
}

/// A graph runtime: `{type: "node" | "diagnostic" | "llm", scope, message, timestamp, metadata}`.
fn graph(mut m: Members) -> Option<Draft> {
    let kind = take(&mut m, "type")?;
    let metadata = object(m.remove("metadata"));
    let flag = metadata.get("is_final").and_then(Value::as_bool) == Some(true);
    let scope = m.get("scope").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = match (kind.as_str(), scope.as_str()) {
        ("llm", "error") => "llm.error",
        ("llm", scope) if flag || scope.contains("stream_end") => "llm.completed",
        _ => &kind,
    };
    let id = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut draft = Draft {
        name: name.to_owned(),
        source: Some(format!("/nodes/{}", id("node_id").unwrap_or_else(|| "graph".to_owned()))),
        run: id("session_id").or_else(|| id("invocation_id")),
        entity: id("stream_id")
            .map(|id| format!("llm/{id}"))
            .or_else(|| id("node_id").map(|id| format!("node/{id}"))),
        time: m.remove("timestamp").filter(|t| !t.is_null()),
        data: m,
        ..Draft::default()
    };
    for member in ["session_id", "node_id", "stream_id"] {
        if let Some(id) = id(member).filter(|_| kind == "llm") {
            draft.data.insert(member.to_owned(), id.into());
        }
    }
    keep_metadata(&mut draft.data, Some(Value::Object(metadata)));
    Some(draft)
}

/// The same as the runtime's own type writes it: `{"Node": {…}}`, `{"LLM": {chunk, …}}`.
fn graph_variant(m: Members) -> Option<Draft> {
    let (variant, body) = m.into_iter().next()?;
    let mut m = object(Some(body));
    let mut metadata = object(m.remove("metadata"));
    for member in ["session_id", "node_id", "stream_id", "is_final", "step"] {
        if let Some(value) = m.remove(member).filter(|v| !v.is_null()) {
            metadata.insert(member.to_owned(), value);
        }
    }
    let scope = m.remove("scope").and_then(|s| s.as_str().map(str::to_ascii_lowercase)).unwrap_or_default();
    let message = m.remove("chunk").or_else(|| m.remove("message")).unwrap_or_default();
    m.insert("type".to_owned(), variant.to_ascii_lowercase().into());
    m.insert("scope".to_owned(), scope.into());
    m.insert("message".to_owned(), message);
    m.insert("metadata".to_owned(), Value::Object(metadata));
    graph(m)
}

/// A chat step: `{type, error?, meta: {…}, step: {…}, delta?, completion?, text?, tool_call?, tool_result?}`.
fn chat(mut m: Members) -> Option<Draft> {
    let name = take(&mut m, "type")?;
    let meta = object(m.remove("meta"));
    let step = object(m.remove("step"));
    let of = |from: &Members, name: &str| from.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = of(&meta, "message_id");
    // A tool's members lie one level deeper; elsewhere a piece comes with all that came before it.
    let mut data = match ["tool_call", "tool_result"].iter().find_map(|name| m.remove(*name)) {
        Some(tool) => object(Some(tool)),
        None => std::mem::take(&mut m),
    };
    if data.contains_key("delta") {
        data.remove("completion");
    }
    if let Some(id) = &message
        && !name.starts_with("tool")
    {
        data.insert("stream_id".to_owned(), id.as_str().into());
    }
    let member = |out: &mut Members, ours: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|v| !v.is_null()) {
            out.insert(ours.to_owned(), value);
        }
    };
    let (mut execution, mut conversation) = (Members::new(), Members::new());
    member(&mut execution, "step", of(&step, "step_id").map(Value::from));
    member(&mut conversation, "message", message.clone().map(Value::from));
    member(&mut conversation, "model", of(&meta, "engine").map(Value::from));
    member(&mut conversation, "usage", meta.get("usage").filter(|u| u.is_object()).cloned());
    member(&mut data, "execution", Some(execution).filter(|e| !e.is_empty()).map(Value::Object));
    member(&mut data, "conversation", Some(conversation).filter(|c| !c.is_empty()).map(Value::Object));
    let tool = name.starts_with("tool");
    let call = of(&data, "id").filter(|_| tool);
    let name = chat_name(&name);
    Some(Draft {
        source: Some(format!("/steps/{}", of(&step, "type").unwrap_or_else(|| "chat".to_owned()))),
        run: of(&step, "step_id").or_else(|| message.clone()),
        entity: call.map(|id| format!("tool/{id}")).or_else(|| message.map(|id| format!("llm/{id}"))),
        name,
        data,
        ..Draft::default()
    })
}

/// What a name means to a chat step, where others mean something else by it.
fn chat_name(name: &str) -> String {
    use crate::catalogue::Dialect;
    super::canonical_in(Dialect::Chat, name).map_or_else(|| name.to_owned(), |entry| entry.ty.to_owned())
}

/// The run that a payload names, and the entity in it.
fn run_of(data: &Members, name: &str) -> (Option<String>, Option<String>) {
    let id =
        |names: &[&str]| names.iter().find_map(|n| data.get(*n)).and_then(Value::as_str).map(str::to_owned);
    let workflow = id(&["workflow_id", "workflow_execution_id", "execution_id"]);
    let task = id(&["task_id"]);
    let entity = match (&workflow, &task) {
        (Some(_), Some(task)) => format!("task/{task}"),
        _ => category(name),
    };
    (workflow.or(task), Some(entity))
}

/// The first token of what a name means, as the entity of events that name no other.
fn category(name: &str) -> String {
    super::canonical(name).map_or_else(
        || name.split(['.', '_']).next().unwrap_or("event").to_ascii_lowercase(),
        |e| e.category().to_owned(),
    )
}

fn take(members: &mut Members, name: &str) -> Option<String> {
    match members.remove(name)? {
        Value::String(text) => Some(text).filter(|t| !t.is_empty()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// An object as it is; anything else as the member `data` of one.
fn object(value: Option<Value>) -> Members {
    match value {
        Some(Value::Object(members)) => members,
        None | Some(Value::Null) => Members::new(),
        Some(other) => Members::from_iter([("data".to_owned(), other)]),
    }
}

fn keep_metadata(data: &mut Members, metadata: Option<Value>) {
    if let Some(Value::Object(metadata)) = metadata
        && !metadata.is_empty()
        && !data.contains_key("metadata")
    {
        data.insert("metadata".to_owned(), Value::Object(metadata));
    }
}
