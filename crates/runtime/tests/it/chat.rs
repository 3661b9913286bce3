//! Model answers over HTTP, from servers that behave and from others.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use headwater_broker::{EventBroker, Item};
use headwater_bus::{Emitter, EmitterOptions, EventEmitter as _};
use headwater_events::{
    Event,
    catalogue::{LlmCompleted, LlmError, LlmInterrupted, LlmReasoningCompleted},
    run_state::RunState,
};
use headwater_runtime::{
    ChatStep, GraphBuilder, NodeContext, NodeError, START, State, Step as _, StepContext, Update,
    chat::{ChatOutcome, Endpoint, Message},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{
    app, assert_dense,
    model_server::{Act, ModelServer, Reply, chunk, done, finish, says, text},
    of_type, run_name, types, until,
};

/// A conversation with a server, and what was told of it.
pub(crate) struct Talk {
    pub(crate) outcome: Result<ChatOutcome, NodeError>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn endpoint(server: &ModelServer) -> Endpoint {
    Endpoint::new(server.url(), Some("secret".to_owned()), "model-1").unwrap()
}

pub(crate) async fn talk(step: &ChatStep) -> Talk {
    talk_with(step, &CancellationToken::new()).await
}

pub(crate) async fn talk_with(step: &ChatStep, token: &CancellationToken) -> Talk {
    let broker: Arc<dyn EventBroker> = crate::support::lenient().await;
    let emitter = Emitter::new(broker.clone(), EmitterOptions::default());
    let ctx = StepContext::new(emitter.clone(), run_name("talk"), "/steps/chat").with_token(token.clone());
    let outcome = step.start(&ctx, vec![Message::user("hello")]).await;
    emitter.flush().await.unwrap();
    let events = crate::support::stored(&broker, "talk").await;
    let mut state = RunState::fragment();
    for event in &events {
        assert_eq!(state.apply(event), [], "{:?}", types(&events));
    }
    assert_eq!(state.finish(), [], "{:?}", types(&events));
    assert_dense(&events);
    Talk { outcome, events }
}

fn texts(events: &[Event], ty: &str) -> String {
    of_type(events, ty)
        .iter()
        .map(|event| event.data_as::<serde_json::Value>().unwrap()["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_answer_is_told_as_it_comes_and_as_a_whole() {
    let thought = chunk(&json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] }));
    let usage = chunk(
        &json!({ "model": "model-1-0101", "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3 } }),
    );
    let reply =
        Reply::stream(vec![thought, text("Hel"), Act::Wait(60), text("lo"), finish("stop"), usage, done()]);
    let server = ModelServer::start(vec![reply]).await;
    let talk = talk(&ChatStep::new(endpoint(&server))).await;
    let outcome = talk.outcome.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.rounds, outcome.calls), ("Hello", 1, 0));
    assert_eq!(
        types(&talk.events),
        [
            "step.started.v1",
            "llm.started.v1",
            "llm.reasoning.delta.v1",
            "llm.delta.v1",
            "llm.delta.v1",
            "llm.reasoning.completed.v1",
            "llm.completed.v1",
            "step.completed.v1"
        ]
    );
    let completed: LlmCompleted = of_type(&talk.events, "llm.completed.v1")[0].data_as().unwrap();
    assert_eq!(
        (completed.text.as_deref(), completed.model.as_deref()),
        (Some("Hello"), Some("model-1-0101"))
    );
    assert_eq!(
        (completed.finish_reason.as_deref(), completed.usage.unwrap().input_tokens),
        (Some("stop"), Some(7u64.into()))
    );
    let thought: LlmReasoningCompleted =
        of_type(&talk.events, "llm.reasoning.completed.v1")[0].data_as().unwrap();
    assert_eq!(thought.text.as_deref(), Some("hm"));
    assert_eq!(server.keys(), [Some("Bearer secret".to_owned())]);
    assert_eq!(server.asked()[0]["messages"], json!([{ "role": "user", "content": "hello" }]));
}

#[tokio::test]
async fn a_fast_model_costs_few_events_and_not_a_letter() {
    let whole: String = (0..2000).map(|n| format!("{n} ")).collect();
    let mut acts: Vec<Act> = whole.split_inclusive(' ').map(text).collect();
    acts.extend([finish("stop"), done()]);
    let server = ModelServer::start(vec![Reply::stream(acts)]).await;
    let talk = talk(&ChatStep::new(endpoint(&server)).window(Duration::from_secs(60))).await;
    assert_eq!(talk.outcome.unwrap().text, whole);
    let deltas = of_type(&talk.events, "llm.delta.v1");
    assert_eq!(deltas.len(), 2, "the first at once, the rest before whatever comes next");
    assert_eq!(texts(&talk.events, "llm.delta.v1"), whole);
}

#[tokio::test]
async fn text_that_is_cut_inside_a_letter_is_whole() {
    let mut bytes = Vec::new();
    for act in [text("grüße 🌊"), finish("stop"), done()] {
        if let Act::Send(part) = act {
            bytes.extend(part);
        }
    }
    let acts = bytes.chunks(1).map(|byte| Act::Send(byte.to_vec())).collect();
    let server = ModelServer::start(vec![Reply::stream(acts)]).await;
    let talk = talk(&ChatStep::new(endpoint(&server))).await;
    assert_eq!(talk.outcome.unwrap().text, "grüße 🌊");
    assert_eq!(texts(&talk.events, "llm.delta.v1"), "grüße 🌊");
}

#[tokio::test]
async fn garbage_is_passed_over_and_too_much_of_it_is_an_error() {
    let garbage = || Act::Send(b"data: {not json\n\n".to_vec());
    let reply = Reply::stream(vec![garbage(), text("still"), chunk(&json!(7)), finish("stop"), done()]);
    let endless = Reply::stream((0..100).map(|_| garbage()).collect());
    let server = ModelServer::start(vec![reply, endless]).await;
    let step = ChatStep::new(endpoint(&server));
    assert_eq!(talk(&step).await.outcome.unwrap().text, "still");
    let talk = talk(&step).await;
    let error: LlmError = of_type(&talk.events, "llm.error.v1")[0].data_as().unwrap();
    assert_eq!(error.error.unwrap().message(), "the answer is not JSON");
    assert!(!talk.outcome.unwrap_err().is_retryable());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_with_what_had_come() {
    let cases = [
        (vec![text("half"), Act::Wait(50), Act::Cut], "cut off"),
        (vec![text("half")], "the answer was cut off"),
        (vec![text("half"), Act::Stall], "nothing came for 200ms"),
        (vec![text("half"), chunk(&json!({ "error": { "message": "overheated" } }))], "overheated"),
    ];
    for (acts, why) in cases {
        let server = ModelServer::start(vec![Reply::stream(acts)]).await;
        let model = endpoint(&server).stall_timeout(Duration::from_millis(200));
        let talk = talk(&ChatStep::new(model)).await;
        let error: LlmError = of_type(&talk.events, "llm.error.v1")[0].data_as().unwrap();
        assert_eq!(error.text.as_deref(), Some("half"), "{why}");
        assert!(error.error.unwrap().message().contains(why), "{why}");
        assert!(talk.outcome.unwrap_err().is_retryable(), "{why}");
        assert_eq!(types(&talk.events).last(), Some(&"step.failed.v1"));
    }
}

#[tokio::test]
async fn empty_usage_and_reasons_are_nothing() {
    let odd =
        chunk(&json!({ "choices": [{ "delta": { "content": "ok" }, "finish_reason": "" }], "usage": {} }));
    let server = ModelServer::start(vec![Reply::stream(vec![odd, done()])]).await;
    let outcome = talk(&ChatStep::new(endpoint(&server))).await.outcome.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.finish_reason), ("ok", None));
}

#[tokio::test]
async fn a_busy_or_failing_server_is_asked_again_as_it_wishes() {
    let busy = Reply::body(429, "application/json", r#"{"error":{"message":"slow down"}}"#)
        .header("retry-after", "0");
    let broken = Reply::body(503, "text/plain", "no").header("retry-after", "0.01");
    let server = ModelServer::start(vec![busy, broken, says("there")]).await;
    let talk = talk(&ChatStep::new(endpoint(&server))).await;
    assert_eq!(talk.outcome.unwrap().text, "there");
    assert_eq!(server.asked().len(), 3);
    assert_eq!(of_type(&talk.events, "llm.started.v1").len(), 1, "it is one answer");
}

#[tokio::test]
async fn what_does_not_help_is_not_tried_again() {
    let json = "application/json";
    let cases = [
        (Reply::body(401, json, r#"{"error":{"message":"key expired"}}"#), "401: key expired"),
        (Reply::body(400, json, r#"{"error":"too long"}"#), "400: too long"),
        (Reply::body(404, "text/html", "<html>"), "404"),
        (Reply::body(200, "text/html", "<html>hello</html>"), "text/html"),
        (Reply::body(200, json, r#"{"hello":"world"}"#), "no answer of a model"),
    ];
    for (reply, why) in cases {
        let server = ModelServer::start(vec![reply, says("never")]).await;
        let talk = talk(&ChatStep::new(endpoint(&server))).await;
        let error = talk.outcome.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.is_retryable() && !error.to_string().contains("secret"), "{error}");
        assert_eq!(server.asked().len(), 1, "{why}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_and_may_be_tried_again() {
    let nobody = Endpoint::new("http://127.0.0.1:9", None, "m").unwrap().attempts(1);
    let error = talk(&ChatStep::new(nobody)).await.outcome.unwrap_err();
    assert!(error.to_string().contains("no connection to the model") && error.is_retryable(), "{error}");
    for bad in ["", "api.example.com", "ftp://x"] {
        assert_eq!(Endpoint::new(bad, None, "m").unwrap_err().kind.code(), "model-not-an-api");
    }
}

#[tokio::test]
async fn servers_without_usage_or_streaming_are_met_where_they_are() {
    let refused =
        Reply::body(400, "application/json", r#"{"error":{"message":"unknown field stream_options"}}"#);
    let whole = r#"{"choices":[{"message":{"content":"all at once"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#;
    let server = ModelServer::start(vec![refused, Reply::body(200, "application/json", whole)]).await;
    let talk = talk(&ChatStep::new(endpoint(&server))).await;
    assert_eq!(talk.outcome.unwrap().text, "all at once");
    let asked = server.asked();
    assert!(asked[0].get("stream_options").is_some() && asked[1].get("stream_options").is_none());
}

#[tokio::test]
async fn cancelling_stops_the_model_and_says_what_had_come() {
    let mut acts = vec![text("begun")];
    acts.extend((0..2000).flat_map(|_| [Act::Wait(5), text(".")]));
    let server = ModelServer::start(vec![Reply::stream(acts)]).await;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let talk = talk_with(&ChatStep::new(endpoint(&server)), &token).await;
    talk.outcome.unwrap_err();
    let broken: LlmInterrupted = of_type(&talk.events, "llm.interrupted.v1")[0].data_as().unwrap();
    let text = broken.text.unwrap();
    assert!(text.starts_with("begun"));
    assert_eq!(texts(&talk.events, "llm.delta.v1"), text, "deltas are flushed before it");
    let gone = Arc::clone(&server.broken_off);
    until("the server lost its reader", move || gone.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn what_a_step_tells_goes_to_its_topics_too() {
    let server = ModelServer::start(vec![says("hi")]).await;
    let audit: Arc<dyn EventBroker> = crate::support::lenient().await;
    let topic = Emitter::new(audit.clone(), EmitterOptions::default());
    let step = ChatStep::new(endpoint(&server));
    step.add_published_topic("audit", topic.clone());
    let talk = talk(&step).await;
    topic.flush().await.unwrap();
    let copied = crate::support::stored(&audit, "talk").await;
    assert_eq!(types(&copied), types(&talk.events));
}

/// Readers stop at the end of the run, and what ends an answer of a model is not that.
#[tokio::test]
async fn the_end_of_an_answer_is_not_the_end_of_the_run() {
    let server = ModelServer::start(vec![says("one"), says("two")]).await;
    let chat = Arc::new(ChatStep::new(endpoint(&server)));
    let ask = move |ctx: NodeContext| {
        let chat = Arc::clone(&chat);
        async move {
            let outcome = chat.start(&ctx, vec![Message::user("hello")]).await?;
            Ok(Update::new().set(ctx.node(), outcome.text))
        }
    };
    let graph = GraphBuilder::new("twice").node("first", ask.clone()).node("second", ask);
    let app = app(graph.edge(START, "first").edge("first", "second")).await;
    let (mut events, mut handle) = app.invoke_streaming(State::new()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(item) = events.next().await {
        match item.unwrap() {
            Item::Event(delivery) => seen.push(delivery.event().ty().to_owned()),
            Item::End(_) => break,
            Item::CaughtUp(_) | Item::Gap(_) => {}
        }
    }
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.state.to_value(), json!({ "first": "one", "second": "two" }));
    assert_eq!(seen.iter().filter(|ty| *ty == "llm.completed.v1").count(), 2, "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("workflow.completed.v1"));
}
