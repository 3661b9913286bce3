//! The suite of the store contract over a real server.

headwater_store::store_suite!(crate::kit::OnKafka::new());
