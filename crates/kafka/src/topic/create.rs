//! Making the topics.

use headwater_store::Error;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    types::RDKafkaErrorCode,
};

use super::{check, metadata::Found};
use crate::{KafkaOptions, context::Context, failure::explain, names::Names, random::random};

/// Makes what is not there. Another process may do the same at the same time: one of them does it.
pub(super) async fn create(
    admin: &AdminClient<Context>,
    options: &KafkaOptions,
    names: &Names,
    found: Found,
) -> Result<(), Error> {
    let (age, bytes) = (options.retention_ms().to_string(), options.retention_bytes().to_string());
    let (log_marker, state_marker) = (check::marker(random()), check::marker(random()));
    let copies = TopicReplication::Fixed(options.replication.unwrap_or(-1));
    let log = NewTopic::new(&names.topic, i32::from(options.lanes), copies)
        .set("cleanup.policy", "delete")
        .set("message.timestamp.type", "LogAppendTime")
        .set("retention.ms", &age)
        .set("retention.bytes", &bytes)
        .set(check::MARKER, &log_marker);
    let copies = TopicReplication::Fixed(options.replication.unwrap_or(-1));
    let state = NewTopic::new(&names.state, 1, copies)
        .set("cleanup.policy", "compact")
        // Small segments are compacted early, so that opening has little to read.
        .set("segment.bytes", "16777216")
        .set("min.cleanable.dirty.ratio", "0.2")
        .set(check::MARKER, &state_marker);
    let mut wanted = Vec::new();
    wanted.extend(found.log.is_none().then_some(&log));
    wanted.extend(found.state.is_none().then_some(&state));
    let answers = admin
        .create_topics(wanted, &AdminOptions::new().operation_timeout(Some(options.request_timeout)))
        .await
        .map_err(|error| explain(names, "creating topics", &error))?;
    for answer in answers {
        match answer {
            Ok(topic) => tracing::info!(topic, lanes = options.lanes, "created a topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(refused(names, options, &topic, code)),
        }
    }
    Ok(())
}

fn refused(names: &Names, options: &KafkaOptions, topic: &str, code: RDKafkaErrorCode) -> Error {
    use RDKafkaErrorCode as Code;
    let servers = &names.servers;
    if matches!(code, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) {
        return Error::config(format_args!(
            "there is no topic `{topic}` on {servers}, and this user may not create it: create `{}` with {} \
             partitions and message.timestamp.type=LogAppendTime, and `{}` with 1 partition and \
             cleanup.policy=compact",
            names.topic, options.lanes, names.state
        ));
    }
    crate::failure::explain_code(names, &format!("creating the topic `{topic}`"), code)
}
