//! Bytes that no store wrote are an event or an error, never a panic.
#![no_main]

use bytes::Bytes;
use headwater_events::Event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(event) = Event::from_stored(Bytes::copy_from_slice(input)) {
        let _ = (event.stream_name(), event.time(), event.mark(), event.to_builder().build());
    }
});
