//! Tools that models call.

use headwater_events::catalogue::{ToolCall, ToolError, ToolResult};
use headwater_runtime::{ChatStep, Tool};
use serde_json::json;

use crate::{
    chat::{endpoint, talk},
    support::{
        model_server::{ModelServer, Reply, call, done, finish, says},
        of_type, types,
    },
};

/// What is added.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Terms {
    /// The first.
    a: i64,
    /// The second.
    b: i64,
}

fn add() -> Tool {
    Tool::new("add", "Adds two numbers.", async |terms: Terms| {
        terms.a.checked_add(terms.b).ok_or("too large")
    })
}

fn fails() -> Tool {
    Tool::new("fails", "Never works.", async |_: serde_json::Value| {
        if true {
            panic!("told to");
        }
        Ok::<(), String>(())
    })
}

#[test]
fn the_schema_follows_from_the_type() {
    let tool = add();
    assert_eq!(tool.schema()["required"], json!(["a", "b"]));
    assert_eq!(tool.schema()["properties"]["a"]["description"], "The first.");
}

#[tokio::test]
async fn calls_come_in_pieces_run_at_once_and_their_results_go_back_in_order() {
    let calls = Reply::stream(vec![
        call(0, Some("c1"), Some("add"), ""),
        call(0, None, None, r#"{"a": 1, "#),
        call(1, Some("c2"), Some("add"), r#"{"a":"#),
        call(0, None, None, r#""b": 2}"#),
        call(1, None, None, r#" 3, "b": 4}"#),
        finish("tool_calls"),
        done(),
    ]);
    let server = ModelServer::start(vec![calls, says("3 and 7")]).await;
    let talk = talk(&ChatStep::new(endpoint(&server)).tool(add())).await;
    let outcome = talk.outcome.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.rounds, outcome.calls), ("3 and 7", 2, 2));
    let called: Vec<ToolCall> =
        of_type(&talk.events, "tool.call.v1").iter().map(|e| e.data_as().unwrap()).collect();
    assert_eq!(called[0].arguments, Some(json!({ "a": 1, "b": 2 })));
    let results: Vec<ToolResult> =
        of_type(&talk.events, "tool.result.v1").iter().map(|e| e.data_as().unwrap()).collect();
    assert_eq!(results.iter().map(|r| r.result.clone().unwrap()).collect::<Vec<_>>(), [json!(3), json!(7)]);
    assert!(types(&talk.events).contains(&"tool.arguments.v1"));
    let said = &server.asked()[1]["messages"];
    assert_eq!(said[1]["tool_calls"][1]["function"]["arguments"], r#"{"a": 3, "b": 4}"#);
    assert_eq!((&said[2]["tool_call_id"], &said[2]["content"]), (&json!("c1"), &json!("3")));
    assert_eq!((&said[3]["tool_call_id"], &said[3]["content"]), (&json!("c2"), &json!("7")));
    assert_eq!(server.asked()[0]["tools"][0]["function"]["name"], "add");
}

#[tokio::test]
async fn what_does_not_fit_is_given_back_to_the_model() {
    let wrong = [
        ("add", "{not json", "the arguments do not fit"),
        ("add", r#"{"a": 1}"#, "missing field `b`"),
        ("add", r#"{"a": 9223372036854775807, "b": 1}"#, "too large"),
        ("fails", "{}", "the tool panicked"),
        ("nothing", "", "there is no tool `nothing`"),
    ];
    for (name, arguments, why) in wrong {
        let reply = Reply::stream(vec![call(0, None, Some(name), arguments), finish("tool_calls"), done()]);
        let server = ModelServer::start(vec![reply, says("I see")]).await;
        let talk = talk(&ChatStep::new(endpoint(&server)).tool(add()).tool(fails())).await;
        assert_eq!(talk.outcome.unwrap().text, "I see", "{why}");
        let error: ToolError = of_type(&talk.events, "tool.error.v1")[0].data_as().unwrap();
        assert!(error.error.unwrap().message().contains(why), "{why}");
        let back = server.asked()[1]["messages"][2]["content"].as_str().unwrap().to_owned();
        assert!(back.contains(why), "{back}");
    }
}

#[tokio::test]
async fn a_model_that_calls_without_end_is_stopped() {
    let again = || {
        Reply::stream(vec![
            call(0, Some("same"), Some("add"), r#"{"a":1,"b":1}"#),
            finish("tool_calls"),
            done(),
        ])
    };
    let server = ModelServer::start(vec![again(), again(), again()]).await;
    let talk = talk(&ChatStep::new(endpoint(&server)).tool(add()).max_rounds(3)).await;
    let error = talk.outcome.unwrap_err();
    assert!(error.to_string().contains("called tools in 3 answers"), "{error}");
}
