//! What is done to a topic past the store.

use std::time::Duration;

use headwater_store::{StreamName, Tenant};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::Message,
    producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer},
};

/// Somebody else's client.
pub(crate) struct Past {
    config: ClientConfig,
    topic: String,
    lanes: u16,
}

const SOON: Duration = Duration::from_secs(20);

impl Past {
    pub(crate) fn new(server: String, topic: &str, lanes: u16) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", server);
        Self { config, topic: topic.to_owned(), lanes }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config.create().expect("a client")
    }

    /// Writes a record with the key of a stream into its lane.
    pub(crate) async fn write(&self, tenant: &Tenant, stream: &StreamName, value: &[u8]) {
        let lane = headwater_events::lane_of(tenant.as_str(), stream.as_str(), self.lanes);
        let key = format!("{tenant}/{stream}");
        let producer: FutureProducer = self.config.create().expect("a producer");
        let record = FutureRecord::to(&self.topic).partition(i32::from(lane.0)).key(&key).payload(value);
        producer.send(record, SOON).await.expect("it is written");
    }

    /// The same in a transaction, which leaves a marker behind it.
    pub(crate) fn write_in_a_transaction(&self, tenant: &Tenant, stream: &StreamName, value: &[u8]) {
        let lane = headwater_events::lane_of(tenant.as_str(), stream.as_str(), self.lanes);
        let mut config = self.config.clone();
        let producer: BaseProducer =
            config.set("transactional.id", &self.topic).create().expect("a producer");
        producer.init_transactions(SOON).expect("transactions");
        producer.begin_transaction().expect("a transaction");
        let record = BaseRecord::to(&self.topic).partition(i32::from(lane.0)).key("").payload(value);
        assert!(producer.send(record).is_ok());
        producer.commit_transaction(SOON).expect("the end of the transaction");
    }

    /// Every record of a lane, as any consumer sees it: key, content type and value.
    pub(crate) fn consume(&self, lane: i32, count: usize) -> Vec<(String, String, Vec<u8>)> {
        use rdkafka::message::Headers;
        let consumer: BaseConsumer =
            self.config.clone().set("group.id", "plain").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, lane, Offset::Beginning).expect("a partition");
        consumer.assign(&list).expect("an assignment");
        let mut got = Vec::new();
        while got.len() < count {
            let Some(message) = consumer.poll(SOON) else { panic!("{} of {count} came", got.len()) };
            let message = message.expect("a record");
            let headers = message.headers().expect("headers");
            let header = headers.iter().find(|header| header.key == "content-type").expect("a content type");
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            got.push((
                text(message.key().expect("a key")),
                text(header.value.expect("a value")),
                message.payload().expect("a value").to_vec(),
            ));
        }
        got
    }

    /// Makes a topic.
    pub(crate) async fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        let made = self.admin().create_topics([&new], &AdminOptions::new()).await.expect("an answer");
        made.into_iter().for_each(|made| drop(made.expect("it is made")));
    }

    /// Deletes the topic.
    pub(crate) async fn delete(&self) {
        let gone = self.admin().delete_topics(&[&self.topic], &AdminOptions::new()).await.expect("an answer");
        gone.into_iter().for_each(|gone| drop(gone.expect("it is deleted")));
    }

    /// Removes what stands before an offset of a lane, as retention does.
    pub(crate) async fn remove_before(&self, lane: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, lane, Offset::Offset(offset)).expect("a partition");
        self.admin().delete_records(&list, &AdminOptions::new()).await.expect("they are removed");
    }
}
