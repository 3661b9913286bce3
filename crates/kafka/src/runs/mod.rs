//! The records of runs, made from the log: every process follows all of it anyway.

mod save;
mod saved;
mod table;

pub(crate) use self::{
    save::{drop_removed, save},
    saved::parse,
    table::Runs,
};
