//! Consumer groups: each event to one worker, in order inside its run, until it is settled.

mod crowd;
mod harm;
mod kit;
mod letters;
mod marks;
mod order;
mod passing;
mod workers;

pub use crowd::*;
pub use harm::*;
pub use letters::*;
pub use marks::*;
pub use order::*;
pub use passing::*;
pub use workers::*;
