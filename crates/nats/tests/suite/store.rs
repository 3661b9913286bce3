//! The suite of the store contract over a real server.

mod windows {
    headwater_store::store_suite!(crate::kit::OnNats::new());
}

/// Asked for batches that are stored whole or not at all.
mod batches {
    headwater_store::store_suite!(crate::kit::OnNats::with_batches());
}
