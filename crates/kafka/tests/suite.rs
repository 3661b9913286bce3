//! The store over Kafka passes the suite.

mod kit;

headwater_store::store_suite!(kit::OnKafka::new());
