//! The store suite, over a real server.

mod kit;

headwater_store::store_suite!(kit::OnNats::new());
