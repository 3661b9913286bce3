//! Any batch is events or an error with an index inside it.
#![no_main]

use bytes::Bytes;
use headwater_events::http::{BATCH, decode};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(BATCH));
    match decode(&headers, Bytes::copy_from_slice(input)) {
        Ok(events) => assert!(events.into_events().len() <= input.len()),
        Err((index, _)) => assert!(index <= input.len()),
    }
});
