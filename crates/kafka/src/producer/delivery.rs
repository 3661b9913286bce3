//! The server's answers, as librdkafka hands them out.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, Message, Statistics,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    producer::{NoCustomPartitioner, ProducerContext},
    types::RDKafkaErrorCode,
};

use super::{
    batch::{Batch, Outcome},
    waiting::Waiting,
};
use crate::context::Context;

/// Which record of which batch an answer is for.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) batch: Arc<Batch>,
    pub(super) index: usize,
}

/// The producer's context.
#[derive(Debug, Clone)]
pub(super) struct Deliveries {
    pub(super) context: Context,
    pub(super) waiting: Arc<Waiting>,
    /// The client has failed for good: another one must take its place.
    pub(super) broken: Arc<AtomicBool>,
}

impl Deliveries {
    pub(super) fn note(&self, delivery: &Delivery, outcome: Outcome) {
        if delivery.batch.note(delivery.index, outcome) {
            self.waiting.end(delivery.batch.number);
        }
    }

    fn outcome(&self, result: &DeliveryResult<'_>) -> Outcome {
        match result {
            Ok(message) => {
                let at = message.timestamp().to_millis().unwrap_or_default();
                Outcome::Stored { offset: message.offset(), at }
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                self.judge(code)
            }
        }
    }

    fn judge(&self, code: RDKafkaErrorCode) -> Outcome {
        use RDKafkaErrorCode as Code;
        match code {
            // It never left, or the server said no.
            Code::PurgeQueue
            | Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::NotEnoughReplicas
            | Code::PolicyViolation
            | Code::InvalidRecord => Outcome::Refused(code),
            Code::Fatal => {
                self.broken.store(true, Ordering::Relaxed);
                Outcome::Unknown(code)
            }
            _ => Outcome::Unknown(code),
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        self.context.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            tracing::warn!(reason, "the producer failed for good: another one takes its place");
            self.broken.store(true, Ordering::Relaxed);
        }
        self.context.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        let outcome = self.outcome(result);
        if matches!(outcome, Outcome::Stored { .. }) {
            self.context.health().well(self.context.servers());
        }
        self.note(&delivery, outcome);
    }
}
