//! Consumer groups: each event to one worker, in order inside its run, until it is settled.

mod kit;
mod letters;
mod marks;
mod order;
mod workers;

pub use letters::*;
pub use marks::*;
pub use order::*;
pub use workers::*;
