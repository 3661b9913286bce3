//! Tests of the vocabulary, in one program.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod catalogue;
mod conflate;
mod dialect;
mod event;
mod filter;
mod http;
mod llm;
mod oracle;
mod properties;
mod reference;
mod run_state;
mod schemas;
mod upcast;
mod validate;
