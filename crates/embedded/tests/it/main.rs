//! The embedded log: the suite that every store must pass, and what only a log in a folder can get wrong. One program,
//! so that the store is linked once.
#![allow(clippy::unwrap_used)]

mod buckets;
mod common;
mod damage;
mod failure;
mod format;
mod fsync;
mod group_commit;
mod kill;
mod late;
mod open;
mod space;
mod suite;
mod values;
