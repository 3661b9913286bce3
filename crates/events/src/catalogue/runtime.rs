//! What the runtime itself has to say.

use serde_json::Value;

use super::{Count, macros::family};

family! {
    /// A state of the run to come back to. Only the runtime and administrators see it.
    CheckpointSaved = "checkpoint.saved", v 1, Internal, Note
    { Dotted: "checkpoint.saved" | "checkpoint"; Constant: "CHECKPOINT_SAVED"; Snake: "checkpoint_saved"; }
    must {}
    may {
        /// Which one.
        checkpoint_id: String,
        /// After which step.
        step: String,
        /// The state.
        state: Value,
    }

    /// An emitter could not keep up and left events out.
    Dropped = "dropped", v 1, Durable, Note
    { Dotted: "dropped"; Constant: "DROPPED"; }
    must {
        /// How many.
        n: Count,
    }
    may {
        /// Why.
        reason: String,
        /// The type, where all were of one.
        of: String,
    }
}
