//! Coming back: where a reader goes on, and which cursors are refused.

mod support;

use support::{Block, Request, Server, events};

const PATH: &str = "/v1/streams/wf-1/events";

#[tokio::test]
async fn every_cursor_of_a_run_resumes_exactly_behind_it() {
    let server = Server::start().await;
    let cursors = server.publish(&events("wf-1", 0, 20)).await;
    for (n, cursor) in cursors.iter().enumerate() {
        let mut sse = server.sse_with(PATH, &[("last-event-id", cursor)]).await;
        let frames = sse.frames(20 - n).await;
        let numbers: Vec<_> = frames.iter().filter_map(Block::n).collect();
        assert_eq!(numbers, (n as u64 + 1..20).collect::<Vec<_>>());
        assert_eq!(frames.last().unwrap().event(), Some("headwater.caught-up"));
    }
}

#[tokio::test]
async fn the_header_wins_then_last_event_id_then_after() {
    let server = Server::start().await;
    let c = server.publish(&events("wf-1", 0, 5)).await;
    let path = |last: usize, after: usize| format!("{PATH}?after={}&last_event_id={}", c[after], c[last]);
    let first = |mut sse: support::Sse| async move { sse.frame().await.unwrap().n() };
    assert_eq!(first(server.sse_with(&path(1, 2), &[("last-event-id", &c[3])]).await).await, Some(4));
    assert_eq!(first(server.sse(&path(1, 2)).await).await, Some(2));
    assert_eq!(first(server.sse(&format!("{PATH}?after={}", c[2])).await).await, Some(3));
    assert_eq!(first(server.sse(&format!("{PATH}?after=earliest")).await).await, Some(0));
    let live = server.sse(&format!("{PATH}?after=live")).await.frame().await.unwrap();
    assert_eq!(live.event(), Some("headwater.caught-up"));
}

#[tokio::test]
async fn what_is_no_cursor_is_400_and_what_is_anothers_is_409() {
    let server = Server::start().await;
    let own = server.publish(&events("wf-1", 0, 1)).await.remove(0);
    let others = server.publish(&events("wf-2", 0, 1)).await.remove(0);
    let mut broken = own.clone();
    broken.replace_range(3..4, if &own[3..4] == "A" { "B" } else { "A" });
    for sse in [true, false] {
        let ask = async |path: &str, cursor: &str, tenant: &str| {
            let accept = if sse { "text/event-stream" } else { "application/json" };
            let request =
                Request::new("GET", path).header("accept", accept).header("headwater-tenant", tenant);
            request.header("last-event-id", cursor).send(server.addr).await
        };
        for wrong in ["42", "null", "undefined", &broken, &"x".repeat(600)] {
            ask(PATH, wrong, "default").await.problem(400, "bad-cursor");
        }
        ask(PATH, &others, "default").await.problem(409, "foreign-cursor");
        ask(PATH, &own, "acme").await.problem(409, "foreign-cursor");
        ask("/v1/events", &own, "default").await.problem(409, "foreign-cursor");
        ask("/v1/events?streams=wf-1", &own, "default").await.problem(409, "foreign-cursor");
    }
}

#[tokio::test]
async fn a_cursor_of_another_numbering_gives_a_gap_and_then_the_oldest() {
    let old = Server::start().await;
    let cursor = old.publish(&events("wf-1", 0, 9)).await.pop().unwrap();
    let new = Server::start().await;
    new.publish(&events("wf-1", 0, 2)).await;
    let frames = new.sse_with(PATH, &[("last-event-id", &cursor)]).await.frames(3).await;
    assert_eq!(frames[0].event(), Some("headwater.gap"));
    assert_eq!(frames[0].json()["reason"], "reset");
    assert_eq!((frames[1].n(), frames[2].n()), (Some(0), Some(1)));
    let page = Request::new("GET", PATH).header("last-event-id", &cursor).send(new.addr).await.json();
    assert_eq!(page["gaps"][0]["reason"], "reset");
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
}
