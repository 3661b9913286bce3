//! What librdkafka is told, for each kind of client.

use headwater_store::Error;
use rdkafka::ClientConfig;

use crate::KafkaOptions;

/// What every client shares.
pub(crate) fn base(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let built_with_tls = cfg!(feature = "tls");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", options.servers.join(","))
        .set("client.id", "headwater")
        // Small requests must not wait for more.
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("socket.connection.setup.timeout.ms", "10000")
        // The first attempt is made at once, the others after this, jittered and doubled each time. There are half a
        // dozen connections: together never more than a few attempts a second.
        .set("reconnect.backoff.ms", "1000")
        .set("reconnect.backoff.max.ms", "3000")
        .set("retry.backoff.ms", "100")
        // A request without an answer is noticed after this, its connection is closed and it is sent again.
        .set("socket.timeout.ms", "10000")
        // How long a topic that is not there may yet appear: those used here were made and waited for.
        .set("topic.metadata.propagation.max.ms", "1000")
        .set("log.connection.close", "false");
    if options.tls && !built_with_tls {
        return Err(Error::config(
            "this build has no TLS for Kafka: build headwater with the feature `kafka-tls`",
        ));
    }
    let protocol = match (&options.user, options.tls) {
        (None, false) => "PLAINTEXT",
        (None, true) => "SSL",
        (Some(_), false) => "SASL_PLAINTEXT",
        (Some(_), true) => "SASL_SSL",
    };
    config.set("security.protocol", protocol);
    if let Some(user) = &options.user {
        let scram = user.mechanism != crate::Mechanism::Plain;
        if scram && !built_with_tls {
            return Err(Error::config(format_args!(
                "this build has no {}: build headwater with the feature `kafka-tls`, or use sasl=plain",
                user.mechanism.as_str()
            )));
        }
        config
            .set("sasl.mechanism", user.mechanism.as_str())
            .set("sasl.username", &user.name)
            .set("sasl.password", &user.password.0);
    }
    if let Some(ca) = &options.tls_ca {
        config.set("ssl.ca.location", ca.display().to_string());
    }
    Ok(config)
}

/// How often a client that lives as long as its store says which servers it knows.
const STATISTICS_MS: &str = "3000";

/// The client that asks questions.
pub(crate) fn asking(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let mut config = base(options)?;
    config.set("statistics.interval.ms", STATISTICS_MS);
    Ok(config)
}

/// The one client that writes: idempotent, so that what it sends again is stored once and in order. It never gives up
/// by itself (`message.timeout.ms` 0): then a later event could pass an earlier one that was given up. Who waits too
/// long is told by [`Producer`](crate::producer::Producer), which empties the whole queue.
pub(crate) fn producer(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let mut config = base(options)?;
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        // How long the server waits for its replicas: it answers before its connection is taken for dead.
        .set("request.timeout.ms", "8000")
        .set("statistics.interval.ms", STATISTICS_MS)
        .set("linger.ms", (options.linger.as_secs_f64() * 1000.0).to_string())
        .set("queue.buffering.max.messages", "1000000");
    Ok(config)
}

/// The one client that follows every partition and the state.
pub(crate) fn follower(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let mut config = consumer(options)?;
    config.set("queued.max.messages.kbytes", "16384").set("statistics.interval.ms", STATISTICS_MS);
    Ok(config)
}

/// A client that reads history: it asks for what is known to be there, so that a fetch has nothing to wait for. What it
/// fetches ahead is kept for each lane apart, and one request asks for all lanes.
pub(crate) fn reader(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let mut config = consumer(options)?;
    config
        .set("fetch.wait.max.ms", "10")
        .set("fetch.message.max.bytes", "262144")
        .set("queued.max.messages.kbytes", "512");
    Ok(config)
}

fn consumer(options: &KafkaOptions) -> Result<ClientConfig, Error> {
    let mut config = base(options)?;
    config
        // Assigned by hand; the group only gives librdkafka its queue.
        .set("group.id", format!("headwater-{}", options.topic))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.error.backoff.ms", "100")
        .set("fetch.queue.backoff.ms", "5")
        // Markers of aborted transactions of others are none of ours: read what is stored.
        .set("isolation.level", "read_uncommitted");
    Ok(config)
}
