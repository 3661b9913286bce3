//! Any headers and body are an event or an error, and an event survives the way out and in again.
#![no_main]

use headwater_events::{
    Data,
    http::{Decoded, decode, encode_binary},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<(String, Vec<u8>)>, Vec<u8>)| {
    let (pairs, body) = input;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
    }
    let Ok(Decoded::Single(event)) = decode(&headers, body.into()) else { return };
    let (headers, body) = encode_binary(&event);
    let Decoded::Single(back) = decode(&headers, body).expect("goes out and comes back") else {
        panic!("one event stays one");
    };
    if matches!(event.data(), Data::Json(_)) {
        assert_eq!(back.data_as::<Box<str>>().is_ok(), event.data_as::<Box<str>>().is_ok());
    }
    assert_eq!((back.id(), back.source(), back.ty()), (event.id(), event.source(), event.ty()));
});
