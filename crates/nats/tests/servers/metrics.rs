//! What operators see of a server that is away.

use headwater_nats::NatsStore;
use headwater_store::{
    EventLog,
    suite::{an_outage_is_told, metric},
};
use headwater_test_servers::{Nats, NatsOptions as ServerOptions, Proxy, aside};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::kit::{events::sized, quiet};

/// On one thread, so that the recorder of the test gets what all tasks say.
#[tokio::test]
async fn attempts_to_come_back_are_counted_and_the_status_says_so() {
    let nats = aside(|| Nats::start(ServerOptions::default())).await.unwrap();
    let proxy = Proxy::to(nats.address()).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let store = NatsStore::open(&nats.url_at(proxy.address()), quiet()).await.unwrap();
    let [killed, started] = [nats.server().clone(), nats.server().clone()];
    an_outage_is_told(
        &store,
        |name| metric(&metrics.render(), name),
        aside(move || killed.kill().unwrap()),
        aside(move || started.start().unwrap()),
    )
    .await;
    store.append(vec![sized("a", 0, 1000)]).await.unwrap();
}
