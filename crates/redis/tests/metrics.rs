//! What operators see of a server that is away.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{event, until_stored};
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{EventLog, FollowScope, Position, StatusKind};
use headwater_test_servers::{Proxy, Redis, RedisOptions as ServerOptions, aside, need};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

fn value(metrics: &PrometheusHandle, name: &str) -> u64 {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

/// On one thread, so that the recorder of the test gets what all tasks say.
#[tokio::test]
async fn attempts_to_come_back_are_counted_and_the_status_says_so() {
    let Some(redis) = aside(|| need(Redis::start(ServerOptions::default()))).await else { return };
    let proxy = Proxy::to(redis.address()).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let store = RedisStore::connect(&redis.url_at(proxy.address()), RedisOptions::default()).await.unwrap();
    let (connected, attempts) = ("headwater_store_connected", "headwater_store_connect_attempts_total");
    assert_eq!((value(&metrics, connected), value(&metrics, attempts)), (1, 1));

    // Somebody reads along: else nobody would notice before the next call.
    let _follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let server = redis.server().clone();
    aside(move || server.kill().unwrap()).await;
    let mut status = store.status();
    let away = status.wait_for(|status| status.kind == StatusKind::Away).await.unwrap().detail.clone();
    assert!(away.contains(&proxy.address().to_string()), "{away}");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = value(&metrics, attempts);
        if now > seen.last().copied().unwrap_or(1) {
            seen.push(now);
        }
    }
    assert_eq!(value(&metrics, connected), 0);
    let server = redis.server().clone();
    aside(move || server.start().unwrap()).await;
    status.wait_for(|status| status.kind == StatusKind::Ready).await.unwrap();
    until_stored(&store, event("a", 0)).await;
    assert_eq!((value(&metrics, connected), value(&metrics, "headwater_store_reconnects_total")), (1, 1));
    assert!(value(&metrics, attempts) > 3);
}
