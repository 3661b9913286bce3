//! Everything that must be refused, with its code and the attribute it names.

use headwater_events::{Builder, Code, Event, EventError, Policy, validate};
use rstest::rstest;

fn with(members: &str) -> Vec<u8> {
    format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"a.b.v1","subject":"wf-1"{members}}}"#)
        .into_bytes()
}

#[track_caller]
fn refused(json: impl Into<Vec<u8>>, code: Code, attribute: Option<&str>) -> EventError {
    let error = Event::from_json(json.into()).expect_err("must be refused");
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.attribute_name(), attribute, "{error}");
    assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
    error
}

#[rstest]
#[case("")]
#[case("{")]
#[case("[]")]
#[case("null")]
#[case("\"text\"")]
#[case("{\"id\":1}x")]
#[case("{\"id\":\"a\nb\"}")]
#[case("{\"data\":{\"a\":}}")]
fn malformed_json(#[case] json: &str) {
    refused(json, Code::MalformedJson, None);
}

#[test]
fn bytes_that_are_not_utf8() {
    let mut json = with(r#","x":"?""#);
    let at = json.iter().rposition(|&b| b == b'?').unwrap();
    json[at] = 0xff;
    refused(json, Code::MalformedJson, None);
}

#[rstest]
#[case("specversion", r#"{"id":"1","source":"/a","type":"t"}"#)]
#[case("id", r#"{"specversion":"1.0","source":"/a","type":"t"}"#)]
#[case("source", r#"{"specversion":"1.0","id":"1","type":"t"}"#)]
#[case("type", r#"{"specversion":"1.0","id":"1","source":"/a"}"#)]
#[case("id", r#"{"specversion":"1.0","id":"","source":"/a","type":"t"}"#)]
#[case("id", r#"{"specversion":"1.0","id":null,"source":"/a","type":"t"}"#)]
fn missing_attribute(#[case] attribute: &str, #[case] json: &str) {
    refused(json, Code::MissingAttribute, Some(attribute));
}

#[rstest]
#[case("0.3")]
#[case("1")]
#[case("1.1")]
fn wrong_specversion(#[case] version: &str) {
    let json = format!(r#"{{"specversion":"{version}","id":"1","source":"/a","type":"t"}}"#);
    refused(json, Code::UnsupportedSpecversion, Some("specversion"));
}

#[rstest]
#[case("a/b")]
#[case("a b")]
#[case("")]
#[case("größe")]
#[case("$admin")]
fn bad_tenant(#[case] name: &str) {
    refused(with(&format!(r#","tenant":"{name}""#)), Code::InvalidTenant, Some("tenant"));
    refused(with(&format!(r#","tenant":"{}""#, "t".repeat(65))), Code::InvalidTenant, Some("tenant"));
}

#[rstest]
#[case("a/b")]
#[case("a,b")]
#[case("")]
#[case("$dead")]
fn bad_stream(#[case] name: &str) {
    refused(with(&format!(r#","stream":"{name}""#)), Code::InvalidStream, Some("stream"));
    refused(with(&format!(r#","stream":"{}""#, "s".repeat(257))), Code::InvalidStream, Some("stream"));
}

#[test]
fn neither_stream_nor_subject() {
    let event = Event::builder("/a", "t.v1").build().unwrap();
    let error = event.stream_name().unwrap_err();
    assert_eq!((error.code(), error.attribute_name()), (Code::MissingStream, Some("stream")));
    for subject in ["/task", "a b/task", "é"] {
        let event = Event::builder("/a", "t.v1").subject(subject).build().unwrap();
        let error = event.stream_name().unwrap_err();
        assert_eq!(
            (error.code(), error.attribute_name()),
            (Code::InvalidStream, Some("subject")),
            "{subject}"
        );
    }
}

#[test]
fn unknown_type_under_strict() {
    let event = |ty: &str| Event::builder("/a", ty).subject("wf-1").build().unwrap();
    for ty in ["com.example.order", "workflow.started", "workflow.started.v9"] {
        assert_eq!(validate::event(&event(ty), Policy::Lenient), Ok(()));
        let error = validate::event(&event(ty), Policy::Strict).unwrap_err();
        assert_eq!((error.code(), error.attribute_name()), (Code::UnknownType, Some("type")));
    }
    let error = validate::event(&event("WORKFLOW_STARTED"), Policy::Strict).unwrap_err();
    assert!(error.to_string().contains("`workflow.started.v1`"), "{error}");
    assert_eq!(validate::event(&event("workflow.started.v1"), Policy::Strict), Ok(()));
}

#[rstest]
#[case::carriage_return("\\r")]
#[case::line_feed("\\n")]
#[case::nul("\\u0000")]
#[case::delete("\\u007f")]
#[case::next_line("\\u0085")]
#[case::noncharacter("\\uffff")]
#[case::noncharacter_in_the_middle("\\ufdd0")]
fn control_characters_in_any_attribute(#[case] escape: &str) {
    for name in [
        "subject",
        "datacontenttype",
        "dataschema",
        "dataref",
        "traceparent",
        "tracestate",
        "correlationid",
        "causationid",
        "myext",
    ] {
        let json = with("").into_iter().collect::<Vec<_>>();
        let json = String::from_utf8(json).unwrap().replace(r#","subject":"wf-1""#, "");
        let json = json.replace('}', &format!(r#","{name}":"a{escape}id: 7"}}"#));
        refused(json, Code::InvalidAttribute, Some(name));
    }
    for name in ["id", "source", "type"] {
        let json = String::from_utf8(with("")).unwrap();
        let (before, after) = json.split_once(&format!(r#""{name}":""#)).unwrap();
        refused(format!(r#"{before}"{name}":"a{escape}{after}"#), Code::InvalidAttribute, Some(name));
    }
    refused(with(&format!(r#","tenant":"a{escape}""#)), Code::InvalidTenant, Some("tenant"));
    refused(with(&format!(r#","stream":"a{escape}""#)), Code::InvalidStream, Some("stream"));
    refused(
        with(&format!(r#","time":"2026-01-01T00:00:00Z{escape}""#)),
        Code::InvalidAttribute,
        Some("time"),
    );
    // And in names.
    let error = Event::from_json(with(&format!(r#","my{escape}ext":"a""#))).unwrap_err();
    assert_eq!(error.code(), Code::InvalidAttribute);
    assert!(!error.to_string().contains(['\r', '\n', '\0']));
}

#[test]
fn raw_control_characters_are_not_json() {
    for c in ['\r', '\n', '\0'] {
        refused(with(&format!(",\"subject2\":\"a{c}b\"")), Code::MalformedJson, None);
    }
}

#[rstest]
#[case(|b: Builder| b.id("a\nb"), "id")]
#[case(|b: Builder| b.subject("a\rb"), "subject")]
#[case(|b: Builder| b.correlationid("a\0b"), "correlationid")]
#[case(|b: Builder| b.extension("ext", "a\nb"), "ext")]
#[case(|b: Builder| b.extension("ex\nt", "a"), "ext")]
#[case(|b: Builder| b.extension("Ext", "a"), "Ext")]
#[case(|b: Builder| b.extension("id", "a"), "id")]
#[case(|b: Builder| b.extension("data", "a"), "data")]
#[case(|b: Builder| b.subject(""), "subject")]
fn the_builder_refuses_the_same(#[case] set: fn(Builder) -> Builder, #[case] attribute: &str) {
    let error = set(Event::builder("/a", "t.v1")).build().unwrap_err();
    assert_eq!((error.code(), error.attribute_name()), (Code::InvalidAttribute, Some(attribute)), "{error}");
}

#[rstest]
#[case(r#","sequence":"-1""#, "sequence")]
#[case(r#","sequence":"+1""#, "sequence")]
#[case(r#","sequence":1.5"#, "sequence")]
#[case(r#","sequence":"99999999999999999999""#, "sequence")]
#[case(r#","time":"yesterday""#, "time")]
#[case(r#","time":"2026-13-01T00:00:00Z""#, "time")]
#[case(r#","time":"2026-01-01T00:00:00""#, "time")]
#[case(r#","time":"+002026-01-01T00:00:00Z""#, "time")]
#[case(r#","time":"0000-01-01T00:00:00+01:00""#, "time")]
#[case(r#","time":"2026-01-01T00:00:00Z[UTC]""#, "time")]
#[case(r#","time":5"#, "time")]
#[case(r#","subject":5"#, "subject")]
#[case(r#","ext":{}"#, "ext")]
#[case(r#","ext":[]"#, "ext")]
#[case(r#","ext":1.5"#, "ext")]
#[case(r#","ext":2147483648"#, "ext")]
#[case(r#","EXT":"a""#, "EXT")]
#[case(r#","my_ext":"a""#, "my_ext")]
#[case(r#","":"a""#, "")]
#[case(r#","ext":"a","ext":"b""#, "ext")]
#[case(r#","type":"other""#, "type")]
#[case(r#","data":1,"data":2"#, "data")]
#[case(r#","data":1,"data_base64":"AA==""#, "data_base64")]
#[case(r#","data_base64":"AA==","data":1"#, "data_base64")]
#[case(r#","data_base64":"?""#, "data_base64")]
fn invalid_attribute(#[case] members: &str, #[case] attribute: &str) {
    let json = String::from_utf8(with("")).unwrap();
    let subject = members.contains("subject");
    let json = if subject { json.replace(r#","subject":"wf-1""#, "") } else { json };
    refused(json.replace('}', &format!("{members}}}")), Code::InvalidAttribute, Some(attribute));
}

#[test]
fn sizes_are_bounded() {
    let long = "x".repeat(257);
    refused(
        with("").iter().map(|&b| b as char).collect::<String>().replace("\"1\"", &format!("\"{long}\"")),
        Code::InvalidAttribute,
        Some("id"),
    );
    let long = "x".repeat(4097);
    refused(with(&format!(r#","correlationid":"{long}""#)), Code::InvalidAttribute, Some("correlationid"));
    let many: String = (0..65).map(|i| format!(r#","e{i}":1"#)).collect();
    refused(with(&many), Code::InvalidAttribute, None);
    let many: String = (0..200).map(|i| format!(r#","e{i}":1"#)).collect();
    refused(with(&many), Code::MalformedJson, None);
}

#[test]
fn payloads_that_nest_too_deep() {
    let nested = |n: usize| with(&format!(r#","data":{}{}"#, "[".repeat(n), "]".repeat(n)));
    assert!(Event::from_json(nested(100)).is_ok());
    refused(nested(101), Code::InvalidData, Some("data"));
    refused(nested(100_000), Code::InvalidData, Some("data"));
    // Brackets in text are text.
    let text = with(&format!(r#","data":["{}","\"[["]"#, "[{".repeat(500)));
    assert!(Event::from_json(text).is_ok());
}
