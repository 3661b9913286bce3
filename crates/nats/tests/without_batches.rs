//! The store suite over a server that is not asked for atomic batches, as one before 2.12.

mod kit;

headwater_store::store_suite!(kit::OnNats::without_batches());
