//! Tests of the vocabulary, in one program.

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
mod run_state;
mod schemas;
mod upcast;
mod validate;
