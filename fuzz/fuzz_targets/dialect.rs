//! Any bytes are an event of some dialect or an error.
#![no_main]

use bytes::Bytes;
use headwater_events::{Event, dialect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(event) = dialect::accept(Bytes::copy_from_slice(input)) {
        assert_eq!(Event::from_json(event.json().clone()).expect("reads back"), event);
        let _ = dialect::normalise(&event);
    }
});
