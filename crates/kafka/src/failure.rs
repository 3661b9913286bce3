//! Kafka's errors in the store's words.

use headwater_store::Error;
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

use crate::names::Names;

/// What an error means for the caller of whatever was being done.
pub(crate) fn explain(names: &Names, doing: &str, error: &KafkaError) -> Error {
    match error.rdkafka_error_code() {
        Some(code) => explain_code(names, doing, code),
        None => Error::unavailable(format_args!("{doing}: kafka at {}: {error}", names.servers)),
    }
}

/// The same from a bare code.
pub(crate) fn explain_code(names: &Names, doing: &str, code: RDKafkaErrorCode) -> Error {
    use RDKafkaErrorCode as Code;
    let servers = &names.servers;
    match code {
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed => Error::config(format_args!(
            "no permission for {doing}: let this user read, write, describe and create the topics `{}` and \
                 `{}` on {servers} ({code})",
            names.topic, names.state
        )),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            Error::config(format_args!(
                "kafka at {servers} does not accept the user or its password ({code}): check them, and `sasl=` of \
                 the URL"
            ))
        }
        Code::SSL => Error::config(format_args!(
            "no TLS with kafka at {servers} ({code}): check `tls=` and `ca=` of the URL"
        )),
        Code::TopicAlreadyExists => {
            Error::unavailable(format_args!("topics on {servers} are being made ({code})"))
        }
        Code::InvalidReplicationFactor => Error::config(format_args!(
            "kafka at {servers} has too few servers for its replication factor: write replication=1 into the URL"
        )),
        Code::PolicyViolation | Code::InvalidConfig | Code::InvalidTopic => {
            Error::config(format_args!("kafka at {servers} refuses {doing}: {code}"))
        }
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => Error::Unsupported {
            what: format!("an event of that size: raise max.message.bytes of the topic `{}`", names.topic)
                .into(),
        },
        _ => Error::unavailable(format_args!("{doing}: kafka at {servers}: {code}")),
    }
}

/// Whether it says that a topic is not there.
pub(crate) fn is_missing(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(is_missing_code)
}

/// The same for a bare code.
pub(crate) fn is_missing_code(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId
    )
}
