//! What holds for any input. The fuzz targets in `/fuzz` look at the same from the outside.

use bytes::Bytes;
use headwater_events::{
    Cursor, Epoch, Event, Filter, Lane, Place, Position, Scope, StreamName, Tenant, conflate, dialect,
    http::{Decoded, decode, encode_binary},
    lane_of, validate,
};
use proptest::prelude::*;

/// Text that an attribute may have.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~äöü€🦀%\"\\\\]{1,40}").unwrap()
}

/// A name of the given alphabet. `.` and `..` fit every alphabet and are no names.
fn name(regex: &str) -> impl Strategy<Value = String> {
    proptest::string::string_regex(regex)
        .unwrap()
        .prop_filter("dots alone", |name| !matches!(name.as_str(), "." | ".."))
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn event()(
        (id, source, ty) in (text(), text(), text()),
        (subject, correlation, extension) in (prop::option::of(text()), prop::option::of(text()), prop::option::of(text())),
        stream in prop::option::of(name("[A-Za-z0-9._:@+-]{1,40}")),
        sequence in prop::option::of(any::<u64>()),
        millis in 0..253_402_200_000_000_i64,
        (data, bytes, kind) in (json(), prop::collection::vec(any::<u8>(), 0..40), 0..3),
    ) -> Event {
        let mut builder = Event::builder(source, ty).id(id).time(jiff::Timestamp::from_millisecond(millis).unwrap());
        if let Some(subject) = subject { builder = builder.subject(subject); }
        if let Some(correlation) = correlation { builder = builder.correlationid(correlation); }
        if let Some(extension) = extension { builder = builder.extension("myext", &extension); }
        if let Some(stream) = stream { builder = builder.stream(&StreamName::new(stream).unwrap()); }
        if let Some(sequence) = sequence { builder = builder.sequence(sequence); }
        builder = match kind {
            0 => builder,
            1 => builder.datacontenttype("application/json").data(&data),
            _ => builder.datacontenttype("application/x").data_bytes(bytes),
        };
        builder.build().unwrap()
    }
}

proptest! {
    #[test]
    fn an_event_survives_its_encoding(event in event()) {
        let json = event.json().clone();
        prop_assert!(!json.contains(&b'\n') && !json.contains(&b'\r'));
        let read = Event::from_json(json.clone()).unwrap();
        let stored = Event::from_stored(json.clone()).unwrap();
        let rebuilt = stored.to_builder().build().unwrap();
        prop_assert_eq!(read.json(), &json);
        prop_assert_eq!(rebuilt.json(), &json);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn an_event_survives_binary_mode(event in event()) {
        let (headers, body) = encode_binary(&event);
        let empty = body.is_empty();
        match decode(&headers, body) {
            Ok(Decoded::Single(back)) if empty => prop_assert_eq!(back.id(), event.id()),
            Ok(Decoded::Single(back)) => prop_assert_eq!(back, event),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::from_json(bytes.clone());
        let _ = Event::from_stored(Bytes::from(bytes.clone()));
        let _ = dialect::accept(bytes);
    }

    #[test]
    fn broken_events_are_an_event_or_an_error(event in event(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut json = event.json().to_vec();
        let at = at.index(json.len());
        json[at] = with;
        let _ = Event::from_stored(Bytes::from(json.clone()));
        let _ = dialect::accept(json.clone());
        if let Ok(event) = Event::from_json(json) {
            prop_assert!(!event.json().contains(&b'\n'));
            prop_assert_eq!(Event::from_json(event.json().clone()).unwrap(), event.clone());
            prop_assert_eq!(Event::from_stored(event.json().clone()).unwrap(), event.clone());
            let _ = validate::data(&event);
            let _ = dialect::normalise(&event);
        }
    }

    #[test]
    fn any_json_is_accepted_or_refused(value in json()) {
        if let Ok(event) = dialect::accept(value.to_string()) {
            prop_assert_eq!(Event::from_json(event.json().clone()).unwrap(), event);
        }
    }

    #[test]
    fn any_headers_are_an_event_or_an_error(
        names in prop::collection::vec("ce-[a-z]{0,12}|content-type", 0..6),
        values in prop::collection::vec(prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..20), 6),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut headers = ::http::HeaderMap::new();
        for (name, value) in names.iter().zip(values) {
            headers.append(name.parse::<::http::HeaderName>().unwrap(), ::http::HeaderValue::from_bytes(&value).unwrap());
        }
        if let Ok(Decoded::Single(event)) = decode(&headers, body.into()) {
            prop_assert_eq!(Event::from_json(event.json().clone()).unwrap(), event);
        }
    }

    #[test]
    fn any_list_is_a_filter_or_an_error(list in "[a-c.*, /A-C]{0,30}", ty in "[a-c.]{1,12}", subject in "[a-c/]{0,12}") {
        for filter in [Filter::types(&list), Filter::all().and_subjects(&list), Filter::all().and_sources(&list)] {
            let Ok(filter) = filter else { continue };
            let passes = filter.matches_parts(&ty, &subject, &subject);
            prop_assert!(passes || !filter.is_all());
            let again = Filter::types(&filter.types_list()).unwrap()
                .and_subjects(&filter.subjects_list()).unwrap()
                .and_sources(&filter.sources_list()).unwrap();
            prop_assert_eq!(&again, &filter);
        }
    }

    #[test]
    fn a_filter_is_the_or_of_its_patterns(patterns in prop::collection::vec("[a-c]{1,2}(\\.([a-c]{1,2}|\\*)){0,2}", 1..5), ty in "[a-c]{1,2}(\\.[a-c]{1,2}){0,3}") {
        let whole = Filter::types(&patterns.join(" , ")).unwrap();
        let each = patterns.iter().any(|p| Filter::types(p).unwrap().matches_parts(&ty, "", ""));
        prop_assert_eq!(whole.matches_parts(&ty, "", ""), each);
        prop_assert_eq!(whole.matches_parts(&ty.to_ascii_uppercase(), "", ""), each);
        let star = Filter::types(&format!("{},*", patterns.join(","))).unwrap();
        prop_assert!(star.matches_parts(&ty, "", ""));
    }

    #[test]
    fn a_pattern_passes_whole_tokens_only(tokens in prop::collection::vec("[a-c]{1,3}", 1..5), take in 1_usize..5, tail in "[a-c]{1,3}") {
        let take = take.min(tokens.len());
        let ty = tokens.join(".");
        let prefix = tokens[..take].join(".");
        prop_assert!(Filter::types(&prefix).unwrap().matches_parts(&ty, "", ""));
        let longer = prefix + &tail;
        let below = longer.clone() + ".";
        let passes = Filter::types(&longer).unwrap().matches_parts(&ty, "", "");
        prop_assert_eq!(passes, ty == longer || ty.starts_with(&below));
    }

    #[test]
    fn a_cursor_comes_back(tenant in name("[A-Za-z0-9._-]{1,64}"), stream in name("[A-Za-z0-9._:@+-]{1,256}"), epoch in any::<u32>(), position in any::<u64>()) {
        let (tenant, stream) = (Tenant::new(tenant).unwrap(), StreamName::new(stream).unwrap());
        let scope = Scope::Stream(tenant.clone(), stream.clone());
        let cursor = Cursor::new(scope.print(), Epoch(epoch), Position(position));
        let token = cursor.to_string();
        prop_assert!(token.len() <= 128);
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        prop_assert_eq!(token.parse::<Cursor>().unwrap(), cursor);
        prop_assert_ne!(Scope::Tenant(tenant.clone()).print(), scope.print());
        prop_assert!(lane_of(tenant.as_str(), stream.as_str(), 7).0 < 7);
    }

    #[test]
    fn a_cursor_with_a_number_a_lane_comes_back(lanes in prop::collection::vec(0u64..1 << 48, 0..48), other in any::<u64>()) {
        let place = Place::Lanes(lanes.iter().copied().map(Position).collect());
        let cursor = Cursor::new(Scope::Tenant(Tenant::default()).print(), Epoch(1), place);
        let token = cursor.to_string();
        prop_assert!(token.len() <= 512, "{}", token.len());
        prop_assert_eq!(&token.parse::<Cursor>().unwrap(), &cursor);
        for (lane, position) in (0u16..).zip(&lanes) {
            prop_assert_eq!(cursor.place().of(Lane(lane)), Position(*position));
            let moved = cursor.at(cursor.place().with(Lane(lane), Position(other)));
            prop_assert_eq!(moved.place().of(Lane(lane)), Position(other));
            prop_assert_eq!(moved.to_string().parse::<Cursor>().unwrap(), moved);
        }
    }

    #[test]
    fn other_text_is_no_cursor(text in "\\PC{0,140}") {
        // Two check bytes let one text in 65,536 of the right alphabet through.
        prop_assume!(!text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        prop_assert!(text.parse::<Cursor>().is_err());
    }

    #[test]
    fn a_changed_cursor_is_none(position in any::<u64>(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_-]") {
        let cursor = Cursor::new(Scope::Tenant(Tenant::default()).print(), Epoch(1), Position(position));
        let mut token = cursor.to_string();
        let at = at.index(token.len());
        token.replace_range(at..=at, &with);
        if let Ok(other) = token.parse::<Cursor>() {
            // Two check bytes let one change in 65,536 through; none of it may panic or read as the same.
            prop_assert_eq!(other.to_string(), token);
        }
    }

    #[test]
    fn merged_text_is_the_text_joined(pieces in prop::collection::vec(any::<String>(), 1..8)) {
        let events: Vec<_> = pieces.iter().map(|piece| {
            Event::of("/a", "wf-1/llm/m", &headwater_events::catalogue::LlmDelta::new(piece.as_str())).build().unwrap()
        }).collect();
        let merged = conflate::merge(&events.iter().collect::<Vec<_>>()).unwrap();
        let payload: headwater_events::catalogue::LlmDelta = merged.data_as().unwrap();
        prop_assert_eq!(payload.text, pieces.concat());
        prop_assert_eq!(conflate::times(&merged), pieces.len() as u64);
    }
}
