//! Humans in the run.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use headwater_broker::{EventBroker, Item};
use headwater_events::{
    Event, StreamName,
    catalogue::{ApprovalResolved, InterruptRequested, InterruptResolved},
};
use headwater_runtime::{GraphBuilder, NodeContext, START, State, Update};
use serde_json::json;

use crate::support::{assert_dense, assert_sound, config, events, of_type, run_name, strict};

/// Publishes the answer as anybody may who reaches the broker.
async fn answer(
    broker: &Arc<dyn EventBroker>,
    run: &StreamName,
    ty: &str,
    subject: &str,
    data: serde_json::Value,
) {
    let event = Event::builder("/people/ada", ty).subject(subject).stream(run).data(&data).build().unwrap();
    broker.publish(&[event]).await.unwrap();
}

fn asks(tries: &Arc<AtomicU32>) -> GraphBuilder {
    let tries = Arc::clone(tries);
    GraphBuilder::new("asks")
        .node("ask", move |ctx: NodeContext| {
            tries.fetch_add(1, Ordering::SeqCst);
            async move {
                let colour = ctx.interrupt("Which colour?").await?;
                let sure = ctx.approval("paint", Some(json!({ "colour": colour }))).await?;
                Ok(Update::new().set("colour", colour).set("sure", sure))
            }
        })
        .edge(START, "ask")
}

#[tokio::test]
async fn a_run_waits_for_answers_and_goes_on_with_them() {
    let broker = strict().await;
    let tries = Arc::<AtomicU32>::default();
    let app = asks(&tries).with_runtime_config(config(Arc::clone(&broker))).unwrap();
    let (mut stream, mut handle) = app.invoke_streaming(State::new()).await.unwrap();
    let run = handle.run().clone();
    let mut seen = Vec::new();
    while let Some(item) = stream.next().await {
        let Item::Event(delivery) = item.unwrap() else { continue };
        let event = delivery.event().clone();
        let subject = event.subject().unwrap_or_default().to_owned();
        match event.ty() {
            "interrupt.requested.v1" => {
                let asked: InterruptRequested = event.data_as().unwrap();
                assert_eq!(asked.prompt.as_deref(), Some("Which colour?"));
                let id = asked.interrupt_id.unwrap();
                let data = json!({ "interrupt_id": id, "value": "blue", "by": "ada" });
                answer(&broker, &run, "interrupt.resolved.v1", &subject, data).await;
            }
            "approval.requested.v1" => {
                let id = event.data_as::<serde_json::Value>().unwrap()["approval_id"].clone();
                let data = json!({ "approval_id": id, "approved": true });
                answer(&broker, &run, "approval.resolved.v1", &subject, data).await;
            }
            _ => {}
        }
        seen.push(event);
    }
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.state.to_value(), json!({ "colour": "blue", "sure": true }));
    assert_eq!(tries.load(Ordering::SeqCst), 3, "from its beginning, once for each answer and once before");
    let own: Vec<Event> = seen.iter().filter(|event| event.source() != "/people/ada").cloned().collect();
    assert_dense(&own);
    assert_eq!(headwater_events::run_state::check(&seen), []);
    assert_eq!(of_type(&seen, "workflow.suspended.v1").len(), 2);
    assert_eq!(of_type(&seen, "step.started.v1").len(), 1, "it is one step");
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled() {
    let tries = Arc::<AtomicU32>::default();
    let app = asks(&tries).with_runtime_config(config(strict().await)).unwrap();
    let (mut stream, mut handle) = app.invoke_streaming(State::new()).await.unwrap();
    while let Some(item) = stream.next().await {
        if matches!(item.unwrap(), Item::Event(delivery) if delivery.event().ty() == "workflow.suspended.v1")
        {
            break;
        }
    }
    handle.cancel("nobody answers");
    handle.join().await.unwrap_err();
    let events = events(&app, handle.run()).await;
    assert_sound(&events);
}

/// The process that asked is lost; the answer comes while nobody works on the run; another process goes on.
#[tokio::test]
async fn an_answer_that_came_while_nobody_worked_is_found() {
    let broker = strict().await;
    let run = run_name("asked");
    let tries = Arc::<AtomicU32>::default();
    let lost = asks(&tries).with_runtime_config(config(Arc::clone(&broker))).unwrap();
    crate::support::lose(&lost, &run, |event| event.ty() == "interrupt.requested.v1").await;
    let (id, subject) = ("ask-1-1", format!("{run}/ask/ask-1"));
    let data = serde_json::to_value(InterruptResolved::new().interrupt_id(id).value("red")).unwrap();
    answer(&broker, &run, "interrupt.resolved.v1", &subject, data).await;
    let data = serde_json::to_value(ApprovalResolved::new(false).approval_id("ask-1-2")).unwrap();
    let next = asks(&tries).with_runtime_config(config(Arc::clone(&broker))).unwrap();
    let mut stream = next.event_stream().await.unwrap();
    let mut handle = next.resume(&run).await.unwrap();
    loop {
        if let Item::Event(delivery) = stream.next().await.unwrap().unwrap()
            && delivery.event().ty() == "approval.requested.v1"
        {
            let subject = delivery.event().subject().unwrap().to_owned();
            answer(&broker, &run, "approval.resolved.v1", &subject, data.clone()).await;
            break;
        }
    }
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.state.to_value(), json!({ "colour": "red", "sure": false }));
    let events = events(&next, &run).await;
    assert_eq!(of_type(&events, "interrupt.requested.v1").len(), 1, "it is asked once");
    assert_eq!(headwater_events::run_state::check(&events), []);
}
