//! Conversations of many turns.

use headwater_broker::Item;
use headwater_events::run_state;
use headwater_runtime::{AlreadyTaken, AppRunner, GraphBuilder, NodeContext, Reducer, START, State, Update};
use serde_json::json;

use crate::support::{app, assert_dense, events, of_type, run_name};

fn echo() -> GraphBuilder {
    GraphBuilder::new("echo")
        .node("echo", async |ctx: NodeContext| Ok(Update::new().set("said", ctx.state().text("ask"))))
        .edge(START, "echo")
        .reducer("said", Reducer::Append)
}

#[tokio::test]
async fn the_subscriber_is_there_before_the_first_turn_and_is_taken_once() {
    let mut runner = AppRunner::new(app(echo()).await).await.unwrap();
    let mut subscriber = runner.get_event_subscriber().unwrap();
    assert_eq!(runner.get_event_subscriber().map(drop).unwrap_err(), AlreadyTaken);
    let session = run_name("chat");
    runner.create_session(&session, State::new()).unwrap();
    runner.turn(&session, Update::new().set("ask", "one")).await.unwrap();
    let first = loop {
        if let Item::Event(delivery) = subscriber.next().await.unwrap().unwrap() {
            break delivery.event().ty().to_owned();
        }
    };
    assert_eq!(first, "workflow.started.v1", "the first event is not missed");
}

#[tokio::test]
async fn a_session_keeps_what_it_knows_and_its_turns_are_one_stream() {
    let mut runner = AppRunner::new(app(echo()).await).await.unwrap();
    let session = run_name("chat");
    runner.create_session(&session, State::new()).unwrap();
    assert_eq!(runner.create_session(&session, State::new()).unwrap_err().code(), "leased");
    for turn in ["one", "two", "three"] {
        runner.turn(&session, Update::new().set("ask", turn)).await.unwrap();
    }
    let said = runner.session(&session).unwrap().get("said").unwrap();
    assert_eq!(said, &json!(["one", "two", "three"]));
    let events = events(runner.app(), &session).await;
    assert_eq!(run_state::check(&events), []);
    assert_eq!(of_type(&events, "workflow.completed.v1").len(), 3);
    assert_dense(&events);
    let stranger = runner.turn(&run_name("nobody"), Update::new()).await.unwrap_err();
    assert_eq!(stranger.code(), "run-not-found");
}
