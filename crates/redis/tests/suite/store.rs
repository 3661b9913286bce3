//! The suite of the store contract over real servers (appendonly yes, appendfsync always).

mod redis_as_installed {
    headwater_store::store_suite!(crate::common::Place::default());
}

mod redis_6 {
    headwater_store::store_suite!(crate::common::Place::on("redis-server-6.2"));
}

mod redis_8 {
    headwater_store::store_suite!(crate::common::Place::on("redis-server-8"));
}

mod valkey {
    headwater_store::store_suite!(crate::common::Place::on("valkey-server"));
}
