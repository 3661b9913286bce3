//! The HTTP binding.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use headwater_events::{
    Code, Data, Event, EventError,
    http::{BATCH, Decoded, STRUCTURED, decode, encode_binary},
};
use rstest::rstest;

const REQUIRED: [(&str, &str); 4] =
    [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/a"), ("ce-type", "a.b.v1")];

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(n, v)| (n.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(v.as_bytes()).unwrap()))
        .fold(HeaderMap::new(), |mut map, (n, v)| {
            map.append(n, v);
            map
        })
}

fn binary(extra: &[(&str, &str)], body: &'static [u8]) -> Result<Event, EventError> {
    match decode(&headers(&[&REQUIRED[..], extra].concat()), Bytes::from_static(body)) {
        Ok(Decoded::Single(event)) => Ok(event),
        Ok(Decoded::Batch(_)) => panic!("not a batch"),
        Err((0, error)) => Err(error),
        Err((index, _)) => panic!("index {index}"),
    }
}

#[rstest]
#[case("wf-1", "wf-1")]
#[case("caf%C3%A9", "café")]
#[case("caf%c3%a9", "café")]
#[case("%F0%9F%A6%80", "🦀")]
#[case("a%20b%22", "a b\"")]
#[case("a b", "a b")]
#[case("\"a b\"", "a b")]
#[case("\"a\\\"b\\\\\"", "a\"b\\")]
#[case("%2541", "%41")]
#[case("\"%41\"", "A")]
#[case("café", "café")]
fn values_are_unquoted_and_decoded_once(#[case] written: &str, #[case] meant: &str) {
    let event = binary(&[("ce-subject", written), ("ce-myext", written)], b"").unwrap();
    assert_eq!(event.subject(), Some(meant));
    let (_, json) = event.extensions().next().unwrap();
    assert_eq!(serde_json::from_str::<String>(json).unwrap(), meant);
}

#[rstest]
#[case::overlong_slash("%C0%AF")]
#[case::overlong_nul("%C0%80")]
#[case::surrogate("%ED%A0%80")]
#[case::lone_continuation("%80")]
#[case::cut("%C3")]
#[case::too_high("%F4%90%80%80")]
#[case::nul("a%00b")]
#[case::line_feed("a%0Ab")]
#[case::carriage_return("a%0Db")]
#[case::raw_bytes_that_decode_to_c1("%C2%85")]
#[case::not_hex("%zz")]
#[case::cut_escape("100%")]
#[case::signs("%+1")]
#[case::open_quote("\"abc")]
#[case::quote_inside("\"a\"b\"")]
#[case::escape_at_the_end("\"a\\\"")]
fn values_that_are_refused(#[case] written: &str) {
    for name in ["ce-subject", "ce-myext", "ce-id", "ce-dataschema"] {
        let mut pairs: Vec<_> = REQUIRED.into_iter().filter(|(have, _)| *have != name).collect();
        pairs.push((name, written));
        let (index, error) = decode(&headers(&pairs), Bytes::new()).unwrap_err();
        assert_eq!((index, error.code()), (0, Code::InvalidAttribute), "{name}: {error}");
        assert_eq!(error.attribute_name(), name.strip_prefix("ce-"));
    }
}

#[rstest]
#[case(&[("ce-datacontenttype", "application/json")], Code::InvalidAttribute, "datacontenttype")]
#[case(&[("ce-data", "x")], Code::InvalidAttribute, "data")]
#[case(&[("ce-subject", "a"), ("ce-subject", "b")], Code::InvalidAttribute, "subject")]
#[case(&[("ce-my-ext", "a")], Code::InvalidAttribute, "my-ext")]
#[case(&[("ce-tenant", "a/b")], Code::InvalidTenant, "tenant")]
#[case(&[("ce-stream", "a b")], Code::InvalidStream, "stream")]
#[case(&[("ce-time", "noon")], Code::InvalidAttribute, "time")]
#[case(&[("ce-sequence", "x")], Code::InvalidAttribute, "sequence")]
fn headers_that_are_refused(#[case] extra: &[(&str, &str)], #[case] code: Code, #[case] attribute: &str) {
    let error = binary(extra, b"").unwrap_err();
    assert_eq!((error.code(), error.attribute_name()), (code, Some(attribute)));
}

#[test]
fn required_headers() {
    for (missing, _) in REQUIRED {
        let pairs: Vec<_> = REQUIRED.into_iter().filter(|(name, _)| *name != missing).collect();
        let (_, error) = decode(&headers(&pairs), Bytes::new()).unwrap_err();
        assert_eq!(
            (error.code(), error.attribute_name()),
            (Code::MissingAttribute, missing.strip_prefix("ce-"))
        );
    }
    let mut pairs = REQUIRED.to_vec();
    pairs[0].1 = "0.3";
    assert_eq!(decode(&headers(&pairs), Bytes::new()).unwrap_err().1.code(), Code::UnsupportedSpecversion);
}

#[test]
fn the_body_is_what_its_content_type_says() {
    let data = |media: &[(&str, &str)], body| binary(media, body).map(|e| e.data().clone());
    let json = |text: &str| Ok(Data::Json(text.into()));
    assert_eq!(data(&[("content-type", "application/json")], b"{\n \"a\": 1}"), json(r#"{"a":1}"#));
    assert_eq!(data(&[("content-type", "Application/JSON; charset=utf-8")], b" [1] "), json("[1]"));
    assert_eq!(data(&[("content-type", "application/vnd.x+json")], b"1"), json("1"));
    assert_eq!(data(&[], b"{\"a\":1}"), json(r#"{"a":1}"#));
    assert_eq!(data(&[], b"no json"), Ok(Data::Binary("no json".into())));
    assert_eq!(data(&[("content-type", "text/plain")], b"1"), json("\"1\""));
    assert_eq!(data(&[("content-type", "application/xml")], b"<a b=\"c\"/>"), json(r#""<a b=\"c\"/>""#));
    for (media, body) in [
        ("text/plain", &b"gr\xfcn"[..]),
        ("text/plain; charset=iso-8859-1", b"abc"),
        ("application/octet-stream", b"abc"),
    ] {
        assert_eq!(
            data(&[("content-type", media)], body),
            Ok(Data::Binary(Bytes::from_static(body))),
            "{media}"
        );
    }
    assert_eq!(data(&[("content-type", "application/json")], b""), Ok(Data::None));
    for body in [&b"{"[..], b"\xff"] {
        let error = data(&[("content-type", "application/json")], body).unwrap_err();
        assert_eq!((error.code(), error.attribute_name()), (Code::MalformedJson, Some("data")));
    }
    let event = binary(&[("content-type", "text/plain; charset=utf-8")], b"x").unwrap();
    assert_eq!(event.datacontenttype(), Some("text/plain; charset=utf-8"));
}

#[test]
fn text_comes_in_as_a_string_and_goes_out_as_itself() {
    let event =
        binary(&[("content-type", "text/markdown; charset=utf-8")], "# gr\u{fc}n\n".as_bytes()).unwrap();
    let (headers, body) = encode_binary(&event);
    assert_eq!(headers["content-type"], "text/markdown; charset=utf-8");
    assert_eq!(body, "# gr\u{fc}n\n");
    assert_eq!(decode(&headers, body), Ok(Decoded::Single(event)));
}

#[rstest]
#[case(STRUCTURED)]
#[case(BATCH)]
#[case("application/json")]
fn events_in_another_charset_are_refused(#[case] media: &str) {
    let media = format!("{media}; charset=\"ISO-8859-1\"");
    let (_, error) = decode(&headers(&[("content-type", &media)]), structured("1").into()).unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedMediaType);
}

#[test]
fn plain_json_may_be_another_systems_envelope_and_cloudevents_may_not() {
    let body = r#"{"type":"WORKFLOW_STARTED","workflow_id":"w1","timestamp":1,"payload":{}}"#;
    for (media, body) in [("application/json", body.to_owned()), ("application/json", format!("[{body}]"))] {
        let events = decode(&headers(&[("content-type", media)]), body.into()).unwrap().into_events();
        assert_eq!((events[0].ty(), events[0].subject()), ("workflow.started.v1", Some("w1")));
    }
    let (_, error) = decode(&headers(&[("content-type", STRUCTURED)]), body.into()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidAttribute);
}

fn structured(id: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/a","type":"t","subject":"wf-1","data":{{"n":1}}}}"#
    )
}

#[rstest]
#[case(STRUCTURED)]
#[case("application/cloudevents+json; charset=UTF-8")]
#[case("APPLICATION/CLOUDEVENTS+JSON")]
#[case("application/json")]
fn structured_mode(#[case] media: &str) {
    let decoded = decode(&headers(&[("content-type", media)]), structured("1").into()).unwrap();
    assert_eq!(decoded.into_events()[0].id(), "1");
}

#[rstest]
#[case(BATCH)]
#[case("application/cloudevents-batch+json;charset=utf-8")]
#[case("application/json")]
fn batched_mode(#[case] media: &str) {
    let body = format!("[{}, {}\n,{}]", structured("1"), structured("2"), structured("3"));
    let body = Bytes::from(body);
    let Decoded::Batch(events) = decode(&headers(&[("content-type", media)]), body.clone()).unwrap() else {
        panic!()
    };
    assert_eq!(events.iter().map(Event::id).collect::<Vec<_>>(), ["1", "2", "3"]);
    let whole = body.as_ptr_range();
    assert!(events.iter().all(|e| whole.contains(&e.id().as_ptr())), "elements are slices of the body");
    let empty = decode(&headers(&[("content-type", media)]), "[]".into()).unwrap();
    assert_eq!(empty, Decoded::Batch(vec![]));
}

#[test]
fn an_error_in_a_batch_has_its_index() {
    let batch = |body: String| decode(&headers(&[("content-type", BATCH)]), body.into()).unwrap_err();
    let bad = structured("3").replace("1.0", "2.0");
    let (index, error) = batch(format!("[{},{},{bad}]", structured("1"), structured("2")));
    assert_eq!((index, error.code()), (2, Code::UnsupportedSpecversion));
    let (index, error) = batch(format!("[{},{{]", structured("1")));
    assert_eq!((index, error.code()), (1, Code::MalformedJson));
    let (index, error) = batch(format!("[{}] x", structured("1")));
    assert_eq!((index, error.code()), (1, Code::MalformedJson));
    let (index, error) = batch(format!("[{},5]", structured("1")));
    assert_eq!((index, error.code()), (1, Code::MalformedJson));
    assert_eq!(batch(structured("1")).1.code(), Code::MalformedJson);
}

#[rstest]
#[case("application/cloudevents+avro")]
#[case("application/cloudevents-batch+xml")]
#[case("application/cloudevents")]
#[case("text/plain")]
#[case("application/x-www-form-urlencoded")]
fn other_content_types_are_refused(#[case] media: &str) {
    let (index, error) = decode(&headers(&[("content-type", media)]), structured("1").into()).unwrap_err();
    assert_eq!((index, error.code()), (0, Code::UnsupportedMediaType));
}

#[test]
fn binary_mode_goes_out_and_comes_back() {
    for event in [
        Event::builder("/agents/ä b", "a.b.v1")
            .subject("wf-1/\"x\"%41")
            .tenant(&"acme".parse().unwrap())
            .stream(&"wf-1".parse().unwrap())
            .sequence(3)
            .correlationid("c")
            .extension("zz", "größe 🦀")
            .datacontenttype("application/json")
            .data(&serde_json::json!({"a": "ü"}))
            .build()
            .unwrap(),
        Event::builder("/a", "t").datacontenttype("image/png").data_bytes(vec![0, 159, 255]).build().unwrap(),
        Event::builder("/a", "t").build().unwrap(),
    ] {
        let (headers, body) = encode_binary(&event);
        assert!(headers.values().all(|v| v.to_str().is_ok()));
        assert_eq!(decode(&headers, body).unwrap(), Decoded::Single(event));
    }
}

#[test]
fn text_leaves_as_text() {
    let event = Event::builder("/a", "t")
        .datacontenttype("text/plain")
        .data_json("\"gr\\u00fc\\n\"")
        .build()
        .unwrap();
    let (_, body) = encode_binary(&event);
    assert_eq!(body, "grü\n");
}
