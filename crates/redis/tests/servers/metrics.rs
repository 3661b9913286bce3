//! What operators see of a server that is away.

use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{
    EventLog, FollowScope, Position,
    suite::{an_outage_is_told, metric},
};
use headwater_test_servers::{Proxy, Redis, RedisOptions as ServerOptions, aside, need};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::common::{event, until_stored};

/// On one thread, so that the recorder of the test gets what all tasks say.
#[tokio::test]
async fn attempts_to_come_back_are_counted_and_the_status_says_so() {
    let Some(redis) = aside(|| need(Redis::start(ServerOptions::default()))).await else { return };
    let proxy = Proxy::to(redis.address()).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let store = RedisStore::connect(&redis.url_at(proxy.address()), RedisOptions::default()).await.unwrap();
    // Somebody reads along: else nobody would notice before the next call.
    let _follow = store.follow(&FollowScope::All, Position::ZERO).await.unwrap();
    let [killed, started] = [redis.server().clone(), redis.server().clone()];
    an_outage_is_told(
        &store,
        |name| metric(&metrics.render(), name),
        aside(move || killed.kill().unwrap()),
        aside(move || started.start().unwrap()),
    )
    .await;
    until_stored(&store, event("a", 0)).await;
}
