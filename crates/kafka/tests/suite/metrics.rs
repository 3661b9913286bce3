//! What operators see of a server that is away.

use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{
    EventLog,
    suite::{Turn, an_outage_is_told, metric},
};
use headwater_test_servers::aside;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::kit::Own;

/// The threads of librdkafka speak to the recorder of the whole program, so nobody else may have a turn.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_to_come_back_are_counted_and_the_status_says_so() {
    let _alone = Turn::of("faults");
    let own = aside(Own::start).await;
    let metrics = PrometheusBuilder::new().install_recorder().expect("the only recorder");
    let mut options = KafkaOptions::from_url(&own.url()).expect("a URL");
    options.lanes = 2;
    let store = KafkaStore::open(options).await.expect("the store opens");
    let [killed, started] = [own.server(), own.server()];
    an_outage_is_told(
        &store,
        |name| metric(&metrics.render(), name),
        aside(move || killed.kill().expect("it is killed")),
        aside(move || started.start().expect("it starts")),
    )
    .await;
    store.close().await.expect("the store closes");
}
