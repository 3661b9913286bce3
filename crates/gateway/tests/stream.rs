//! What a stream of server-sent events looks like, sentence by sentence.
#![allow(clippy::unwrap_used)]

mod support;
mod websocket;

use headwater_gateway::GatewayConfig;
use serde_json::json;
use support::{Request, Server, completed, delta, event, events, started};

#[tokio::test]
async fn history_then_caught_up_then_live() {
    let server = Server::start().await;
    let cursors = server.publish(&events("wf-1", 0, 3)).await;
    let mut sse = server.sse("/v1/streams/wf-1/events").await;
    assert_eq!(sse.status, 200);
    assert_eq!(sse.headers["content-type"], "text/event-stream");
    assert_eq!(sse.headers["cache-control"], "no-cache, no-transform");
    assert_eq!(sse.headers["x-accel-buffering"], "no");
    let history = sse.frames(3).await;
    for (n, frame) in history.iter().enumerate() {
        assert_eq!(frame.n(), Some(n as u64));
        assert_eq!(frame.id(), Some(cursors[n].as_str()), "the id of a frame is the cursor of its publish");
        assert_eq!(frame.event(), Some("acme.thing"), "the type without its version");
        assert!(!frame.raw.contains('\r'), "LF only");
        assert_eq!(frame.raw.lines().filter(|line| line.starts_with("data:")).count(), 1);
    }
    let caught_up = sse.frame().await.unwrap();
    assert_eq!(caught_up.event(), Some("headwater.caught-up"));
    assert!(caught_up.id().is_some());
    let cursors = server.publish(&events("wf-1", 3, 4)).await;
    let live = sse.frame().await.unwrap();
    assert_eq!((live.n(), live.id()), (Some(3), Some(cursors[0].as_str())));
    assert_eq!(live.json()["specversion"], "1.0");
    assert_eq!(live.json()["stream"], "wf-1");
}

#[tokio::test]
async fn the_first_block_is_a_comment_with_retry_and_id_and_no_data() {
    let server = Server::start().await;
    let mut sse = server.sse("/v1/streams/nobody-wrote-yet/events").await;
    let first = sse.block().await.unwrap();
    assert!(first.raw.starts_with(':'), "{:?}", first.raw);
    assert_eq!(first.retry(), Some(2000));
    assert!(first.id().is_some() && first.data().is_none() && first.event().is_none());
    assert_eq!(sse.block().await.unwrap().event(), Some("headwater.caught-up"), "no stream is no error");
    server.publish(&events("nobody-wrote-yet", 0, 1)).await;
    let live = sse.block().await.unwrap();
    assert_eq!((live.n(), live.retry()), (Some(0), None), "`retry:` is sent once");
}

#[tokio::test]
async fn heartbeats_carry_a_fresh_cursor_past_what_the_filter_hides() {
    let server = Server::with(GatewayConfig { heartbeat_ms: 40, ..GatewayConfig::default() }).await;
    let mut sse = server.sse("/v1/streams/wf-1/events?types=never.ever").await;
    assert_eq!(sse.frame().await.unwrap().event(), Some("headwater.caught-up"));
    let cursors = server.publish(&events("wf-1", 0, 5)).await;
    loop {
        let beat = sse.block().await.unwrap();
        assert!(beat.has_comment() && beat.data().is_none() && beat.event().is_none(), "{:?}", beat.raw);
        if beat.id() == cursors.last().map(String::as_str) {
            break;
        }
    }
    let mut again = server.sse_with("/v1/streams/wf-1/events", &[("last-event-id", &cursors[4])]).await;
    assert_eq!(again.frame().await.unwrap().event(), Some("headwater.caught-up"));
}

#[tokio::test]
async fn the_end_of_a_run_ends_the_response() {
    let server = Server::start().await;
    server.publish(&[started("wf-1")]).await;
    let mut sse = server.sse("/v1/streams/wf-1/events").await;
    server.publish(&[completed("wf-1")]).await;
    let blocks = sse.rest().await;
    let names: Vec<_> = blocks.iter().filter_map(support::Block::event).collect();
    assert_eq!(names.last(), Some(&"headwater.end"));
    assert!(names.contains(&"workflow.started") && names.contains(&"workflow.completed"));
    let end = blocks.last().unwrap();
    assert_eq!(end.json()["cursor"], end.id().unwrap());

    let path = "/v1/streams/wf-1/events";
    let back = server.sse_with(path, &[("last-event-id", end.id().unwrap())]).await;
    assert_eq!(back.status, 204, "nothing is stored behind the end: browsers stop here");
    let hidden = server.sse(&format!("{path}?types=never.ever")).await.rest().await;
    assert_eq!(hidden.last().unwrap().event(), Some("headwater.end"), "hidden by the filter or not");

    server.publish(&events("wf-1", 7, 8)).await;
    let mut late = server.sse_with(path, &[("last-event-id", end.id().unwrap())]).await;
    assert_eq!((late.status, late.frame().await.unwrap().n()), (200, Some(7)), "late events are stored");
}

#[tokio::test]
async fn names_that_belong_to_others_are_moved_aside() {
    let server = Server::start().await;
    let types = ["error", "error.v1", "headwater.gap.v1", "headwater.end", "headwater.error.v2"];
    let batch: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(n, ty)| {
            let mut event = event("wf-1", ty, n);
            event["data"]["message"] = "what happened".into();
            event
        })
        .collect();
    server.publish(&batch).await;
    let frames = server.sse("/v1/streams/wf-1/events").await.frames(5).await;
    let names: Vec<_> = frames.iter().map(|frame| frame.event().unwrap()).collect();
    assert_eq!(
        names,
        [
            "stream.error",
            "stream.error",
            "stream.headwater.gap",
            "stream.headwater.end",
            "stream.headwater.error"
        ]
    );
    assert_eq!(frames[0].json()["type"], "error", "the event itself keeps its type");
}

#[tokio::test]
async fn without_names_events_reach_onmessage_and_reserved_ones_do_not() {
    let server = Server::start().await;
    server.publish(&events("wf-1", 0, 2)).await;
    for _ in 0..2 {
        // The second reader would see a shared frame, were the two forms mixed up.
        let mut plain = server.sse("/v1/streams/wf-1/events?named=false").await;
        let frames = plain.frames(3).await;
        assert_eq!(
            frames.iter().map(support::Block::event).collect::<Vec<_>>(),
            [None, None, Some("headwater.caught-up")]
        );
        let named = server.sse("/v1/streams/wf-1/events").await.frame().await.unwrap();
        assert_eq!(named.event(), Some("acme.thing"));
    }
}

#[tokio::test]
async fn nothing_in_an_event_can_forge_a_frame() {
    let server = Server::start().await;
    let mut sly = event("wf-1", "acme.sly.v1", 0);
    sly["data"] = json!({ "text": "x\n\nevent: headwater.end\r\ndata: forged\u{0}\u{2028}" });
    let spread = serde_json::to_string_pretty(&sly).unwrap().replace('\n', "\r\n");
    assert_eq!(server.post("application/cloudevents+json", spread).await.status, 200);
    server.publish(&events("wf-1", 1, 2)).await;
    let frames = server.sse("/v1/streams/wf-1/events").await.frames(2).await;
    assert_eq!(frames[0].json()["data"], sly["data"]);
    assert_eq!(frames[0].raw.lines().count(), 4, "id, event, data, blank: {:?}", frames[0].raw);
    assert_eq!(frames[1].n(), Some(1));
}

#[tokio::test]
async fn everything_that_is_ready_goes_out_in_pieces_of_bounded_size() {
    let server = Server::with(GatewayConfig { max_write_bytes: 2000, ..GatewayConfig::default() }).await;
    for from in (0..600).step_by(200) {
        server.publish(&events("wf-1", from, from + 200)).await;
    }
    let frames = server.sse("/v1/streams/wf-1/events").await.frames(601).await;
    let numbers: Vec<_> = frames.iter().filter_map(support::Block::n).collect();
    assert_eq!(numbers, (0..600).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_narrow_a_stream() {
    let server = Server::start().await;
    let mut task = event("wf-1", "task.started.v1", 1);
    task["subject"] = "wf-1/task/t-7".into();
    task["data"] = json!({ "name": "t" });
    let mut other = event("wf-1", "acme.other.v1", 2);
    other["source"] = "/agents/other".into();
    server.publish(&[event("wf-1", "acme.thing.v1", 0), task, other]).await;
    for (query, expected) in [
        ("types=acme", vec!["wf-1-0", "wf-1-2"]),
        ("types=acme.thing,task", vec!["wf-1-0", "wf-1-1"]),
        ("subject=wf-1%2Ftask", vec!["wf-1-1"]),
        ("source=%2Fagents%2Fother", vec!["wf-1-2"]),
        ("types=acme&source=%2Fagents%2Ftest", vec!["wf-1-0"]),
    ] {
        let mut sse = server.sse(&format!("/v1/streams/wf-1/events?{query}")).await;
        let mut ids = Vec::new();
        loop {
            let frame = sse.frame().await.unwrap();
            if frame.event() == Some("headwater.caught-up") {
                break;
            }
            ids.push(frame.json()["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn the_tenant_and_several_streams_are_read_on_one_cursor() {
    let server = Server::start().await;
    let mut several = server.sse("/v1/events?streams=a,b&after=earliest").await;
    let mut tenant = server.sse("/v1/events").await;
    assert_eq!(several.frame().await.unwrap().event(), Some("headwater.caught-up"));
    assert_eq!(tenant.frame().await.unwrap().event(), Some("headwater.caught-up"));
    for (n, stream) in ["a", "b", "c", "a"].into_iter().enumerate() {
        server.publish(&[event(stream, "acme.thing.v1", n)]).await;
    }
    server.publish(&[delta("a", 4), event("b", "acme.thing.v1", 5)]).await;
    let seen = |frames: Vec<support::Block>| {
        frames.iter().map(|f| f.json()["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = several.frames(5).await;
    let resume = all[1].id().unwrap().to_owned();
    assert_eq!(seen(all), ["a-0", "b-1", "a-3", "a-4", "b-5"], "all classes");
    assert_eq!(seen(tenant.frames(5).await), ["a-0", "b-1", "c-2", "a-3", "b-5"], "the durable class");
    let mut back = server.sse_with("/v1/events?streams=a,b", &[("last-event-id", &resume)]).await;
    assert_eq!(seen(back.frames(3).await), ["a-3", "a-4", "b-5"]);
}

#[tokio::test]
async fn a_tenant_sees_only_its_own() {
    let server = Server::start().await;
    server.publish(&events("wf-1", 0, 1)).await;
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 9)).unwrap();
    let answer = Request::new("POST", "/v1/events")
        .header("headwater-tenant", "acme")
        .header("content-type", "application/cloudevents+json")
        .body(body)
        .send(server.addr)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut acme = server.sse_with("/v1/streams/wf-1/events", &[("headwater-tenant", "acme")]).await;
    let frame = acme.frame().await.unwrap();
    assert_eq!((frame.n(), frame.json()["tenant"].as_str()), (Some(9), Some("acme")));
    assert_eq!(server.stored("wf-1").await, 1);
}

#[tokio::test]
async fn a_deleted_stream_is_told_as_a_gap() {
    let server = Server::start().await;
    server.publish(&events("wf-1", 0, 2)).await;
    let mut sse = server.sse("/v1/streams/wf-1/events").await;
    sse.frames(3).await;
    let answer = Request::new("DELETE", "/v1/streams/wf-1").send(server.addr).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let gap = sse.frame().await.unwrap();
    assert_eq!(gap.event(), Some("headwater.gap"));
    let told = gap.json();
    assert_eq!((told["reason"].as_str(), told["stream"].as_str()), (Some("deleted"), Some("wf-1")));
    assert_eq!(told["to"], gap.id().unwrap());
    assert!(told["from"].is_string());
}

#[tokio::test]
async fn conflated_deltas_say_how_many_they_are() {
    let server = Server::start().await;
    server.publish(&(0..5).map(|n| delta("wf-1", n)).collect::<Vec<_>>()).await;
    let cursors = server.publish(&[delta("wf-1", 5), event("wf-1", "acme.thing.v1", 6)]).await;
    let mut sse = server.sse("/v1/streams/wf-1/events?overflow=conflate").await;
    let merged = sse.frame().await.unwrap();
    assert!(merged.raw.contains("\nmerged: 6\n"), "{:?}", merged.raw);
    assert_eq!(merged.json()["data"]["text"], "word0 word1 word2 word3 word4 word5 ");
    assert_eq!((merged.id(), merged.json()["id"].as_str()), (Some(cursors[0].as_str()), Some("wf-1-5")));
    assert_eq!(sse.frame().await.unwrap().n(), Some(6));
    // The frames of the single events are not touched by it.
    let plain = server.sse("/v1/streams/wf-1/events").await.frames(7).await;
    assert!(plain.iter().all(|frame| !frame.raw.contains("merged")));
}
