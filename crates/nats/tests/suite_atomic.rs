//! The store suite over a server that is asked for atomic batches.

mod kit;

headwater_store::store_suite!(kit::OnNats::with_batches());
