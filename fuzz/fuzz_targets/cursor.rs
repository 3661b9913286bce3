//! Any text is a cursor or an error, and a cursor has one text.
#![no_main]

use headwater_events::Cursor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    if let Ok(cursor) = input.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), input);
    }
});
