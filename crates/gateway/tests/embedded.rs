//! The gateway over the embedded log: what was answered survives, and readers go on where they were.

mod support;

use std::{path::Path, sync::Arc};

use headwater_broker::{Broker, BrokerConfig};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_gateway::GatewayConfig;
use support::{Block, Server, completed, events, started};

const PATH: &str = "/v1/streams/wf-1/events";

async fn open(folder: &Path) -> Server {
    let store = Arc::new(
        EmbeddedStore::open(folder, EmbeddedOptions::default()).await.expect("the log opens and closes"),
    );
    let broker = Broker::open(store, BrokerConfig::default()).await.expect("the log opens and closes");
    Server::over(Arc::new(broker), GatewayConfig::default()).await
}

async fn close(mut server: Server) {
    let broker = Arc::clone(&server.broker);
    server.stop();
    server.stopped().await;
    broker.close().await.expect("the log opens and closes");
}

#[tokio::test]
async fn a_reader_goes_on_over_restarts_without_loss_or_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let (mut last, mut seen) = (None::<String>, Vec::new());
    for round in 0..3 {
        let mut server = open(folder.path()).await;
        server.publish(&events("wf-1", round * 10, round * 10 + 6)).await;
        let headers: Vec<_> = last.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let mut sse = server.sse_with(PATH, &headers).await;
        sse.block().await.unwrap();
        // The reader hears of the rest, or not: it is stopped in between.
        server.publish(&events("wf-1", round * 10 + 6, round * 10 + 10)).await;
        server.stop();
        let blocks = sse.rest().await;
        assert!(blocks.iter().all(|block| block.event() != Some("headwater.gap")));
        seen.extend(blocks.iter().filter(|b| b.data().is_some()).filter_map(Block::n));
        last = blocks.last().unwrap().id().map(str::to_owned);
        close(server).await;
    }
    let server = open(folder.path()).await;
    server.publish(&[started("wf-1"), completed("wf-1")]).await;
    let blocks = server.sse_with(PATH, &[("last-event-id", last.as_deref().unwrap())]).await.rest().await;
    seen.extend(blocks.iter().filter(|b| b.data().is_some()).filter_map(Block::n));
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
    let end = blocks.last().unwrap();
    assert_eq!(end.event(), Some("headwater.end"));
    assert_eq!(server.sse_with(PATH, &[("last-event-id", end.id().unwrap())]).await.status, 204);
    close(server).await;
}

#[tokio::test]
async fn a_repeated_publish_is_a_duplicate_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path()).await;
    let first = server.publish(&events("wf-1", 0, 3)).await;
    close(server).await;
    let server = open(folder.path()).await;
    assert_eq!(server.publish(&events("wf-1", 0, 3)).await, first);
    assert_eq!(server.stored("wf-1").await, 3);
    let page = server.get(PATH).await.json();
    assert_eq!(page["cursors"][2], first[2]);
    close(server).await;
}
