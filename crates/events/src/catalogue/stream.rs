//! Plain stream events: what a step shows to a screen, without a part of its own.

use serde_json::Value;

use super::{Count, Fraction, macros::family};

family! {
    /// A piece of text.
    Token = "token", v 1, Transient, Note, delta "text"
    { Dotted: "token"; Constant: "TOKEN"; Stream: "token"; }
    must {
        /// The piece.
        text: String,
    }
    may {
        /// Which text, where one subject writes several.
        part: String,
    }

    /// How far something is.
    Progress = "progress", v 1, Transient, Note
    { Dotted: "progress"; Constant: "PROGRESS"; Stream: "progress"; Chat: "status"; }
    must {}
    may {
        /// How much is done, from 0 to 1.
        progress: Fraction,
        /// What it is at.
        message: String,
        /// Anything else.
        details: Value,
    }

    /// A value.
    StreamData = "data", v 1, Durable, Note
    { Dotted: "data"; Constant: "DATA"; Stream: "data"; }
    must {}
    may {
        /// What it is called.
        name: String,
        /// The value.
        data: Value,
    }

    /// An error that ends nothing by itself.
    StreamError = "error", v 1, Durable, Note
    { Dotted: "error"; Constant: "ERROR"; Stream: "error"; }
    must {
        /// What happened.
        message: String,
    }
    may {
        /// A stable code.
        code: String,
        /// Whether trying again may help.
        retryable: bool,
        /// How often it was tried.
        attempts: Count,
        /// Anything else.
        details: Value,
    }
}
