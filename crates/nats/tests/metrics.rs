//! What operators see of a server that is away.
#![allow(clippy::unwrap_used)]

mod kit;

use headwater_nats::NatsStore;
use headwater_store::{EventLog, StatusKind};
use headwater_test_servers::{Nats, NatsOptions as ServerOptions, Proxy, aside};
use kit::events::sized;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

fn value(metrics: &PrometheusHandle, name: &str) -> u64 {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

/// On one thread, so that the recorder of the test gets what all tasks say.
#[tokio::test]
async fn attempts_to_come_back_are_counted_and_the_status_says_so() {
    let nats = aside(|| Nats::start(ServerOptions::default())).await.unwrap();
    let proxy = Proxy::to(nats.address()).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let store = NatsStore::open(&nats.url_at(proxy.address()), kit::quiet()).await.unwrap();
    let (connected, attempts) = ("headwater_store_connected", "headwater_store_connect_attempts_total");
    let first = value(&metrics, attempts);
    assert_eq!((value(&metrics, connected), first > 0), (1, true));

    let server = nats.server().clone();
    aside(move || server.kill().unwrap()).await;
    let mut status = store.status();
    let away = status.wait_for(|status| status.kind == StatusKind::Away).await.unwrap().detail.clone();
    assert!(away.contains(&proxy.address().to_string()), "{away}");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = value(&metrics, attempts);
        if now > seen.last().copied().unwrap_or(first) {
            seen.push(now);
        }
    }
    assert_eq!(value(&metrics, connected), 0);
    let server = nats.server().clone();
    aside(move || server.start().unwrap()).await;
    status.wait_for(|status| status.kind == StatusKind::Ready).await.unwrap();
    store.append(vec![sized("a", 0, 1000)]).await.unwrap();
    assert_eq!((value(&metrics, connected), value(&metrics, "headwater_store_reconnects_total")), (1, 1));
}
