//! Any bytes are an event or an error, and an event is the same after any number of round trips.
#![no_main]

use bytes::Bytes;
use headwater_events::{Event, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(event) = Event::from_json(Bytes::copy_from_slice(input)) else { return };
    let json = event.json().clone();
    assert!(!json.contains(&b'\n') && !json.contains(&b'\r') && !json.contains(&0));
    assert_eq!(Event::from_json(json.clone()).expect("reads back").json(), &json);
    assert_eq!(Event::from_stored(json.clone()).expect("reads from a store").data(), event.data());
    let _ = (validate::data(&event), event.mark(), event.class(), event.stream_name());
});
