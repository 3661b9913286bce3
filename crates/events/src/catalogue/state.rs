//! Shared state of a run, and anything a program names itself.

use serde_json::Value;

use super::macros::family;

family! {
    /// The state as a whole.
    StateSnapshot = "state.snapshot", v 1, Durable, Note
    { Dotted: "state.snapshot"; Constant: "STATE_SNAPSHOT"; Snake: "state_snapshot"; }
    must {
        /// The state.
        state: Value,
    }
    may {}

    /// A change of the state.
    StateDelta = "state.delta", v 1, Durable, Note
    { Dotted: "state.delta"; Constant: "STATE_DELTA"; Snake: "state_delta"; }
    must {
        /// The change, as a JSON Patch (RFC 6902).
        patch: Vec<Value>,
    }
    may {}

    /// One value of the state was set.
    StateSet = "state.set", v 1, Durable, Note
    { Dotted: "state.set"; Constant: "STATE_SET"; Snake: "state_set"; }
    must {
        /// Its key.
        key: String,
    }
    may {
        /// The value.
        value: Value,
    }

    /// One value of the state was removed.
    StateCleared = "state.cleared", v 1, Durable, Note
    { Dotted: "state.cleared"; Constant: "STATE_CLEARED"; Snake: "state_cleared"; }
    must {
        /// Its key.
        key: String,
    }
    may {}

    /// Something that only the program knows.
    Custom = "custom", v 1, Durable, Note
    { Dotted: "custom"; Constant: "CUSTOM"; }
    must {
        /// What it is called.
        name: String,
    }
    may {
        /// What it says.
        value: Value,
    }
}
