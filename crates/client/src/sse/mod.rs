//! Server-sent events (WHATWG HTML, section 9.2), decoded as the bytes come in.

mod decoder;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, Frame, TooLarge};
