//! The envelope: what goes in comes out, in one form.

use bytes::Bytes;
use headwater_events::{Code, Data, Event, StreamName, Tenant};
use jiff::Timestamp;

fn now() -> Timestamp {
    "2026-03-04T05:06:07.089Z".parse().unwrap()
}

fn full() -> Event {
    Event::builder("/agents/ä", "workflow.started.v1")
        .id("e-1")
        .time(now())
        .tenant(&"acme".parse().unwrap())
        .stream(&"wf-1".parse().unwrap())
        .subject("wf-1/task/\"7\"\\")
        .sequence(u64::MAX)
        .correlationid("c")
        .causationid("d")
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .tracestate("a=b")
        .dataschema("urn:x")
        .datacontenttype("application/json")
        .extension("zeta", "1")
        .extension("alpha", "say \"hi\"")
        .extension("empty", "")
        .data(&serde_json::json!({"a": [1, 2.5, null, "ü\n"]}))
        .build()
        .unwrap()
}

#[test]
fn the_encoded_form_is_fixed() {
    let json = String::from_utf8(full().json().to_vec()).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"specversion":"1.0","id":"e-1","source":"/agents/ä","type":"workflow.started.v1","#,
            r#""subject":"wf-1/task/\"7\"\\","time":"2026-03-04T05:06:07.089Z","datacontenttype":"application/json","#,
            r#""dataschema":"urn:x","tenant":"acme","stream":"wf-1","sequence":"18446744073709551615","#,
            r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"a=b","#,
            r#""correlationid":"c","causationid":"d","alpha":"say \"hi\"","empty":"","zeta":"1","#,
            r#""data":{"a":[1,2.5,null,"ü\n"]}}"#
        )
    );
}

#[test]
fn a_stored_event_reads_back() {
    for event in [
        full(),
        Event::builder("/a", "t").build().unwrap(),
        Event::builder("/a", "t")
            .data_bytes(vec![0, 255, 7])
            .build()
            .unwrap(),
        Event::builder("/a", "t").data_bytes(vec![]).build().unwrap(),
        Event::from_json(
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2026-03-04T05:06:07Z","n":-5,"yes":true,"s":"x"}"#,
        )
        .unwrap(),
    ] {
        let back = Event::from_stored(event.json().clone()).unwrap();
        assert_eq!(
            back.json().as_ptr(),
            event.json().as_ptr(),
            "the bytes become the encoded form"
        );
        assert_eq!(back.data(), event.data());
        assert_eq!(back.time(), event.time());
        assert_eq!(back.sequence(), event.sequence());
        assert_eq!(back.subject(), event.subject());
        assert!(back.extensions().eq(event.extensions()));
        // Encoded anew it is the same, so no attribute was lost.
        assert_eq!(back.to_builder().build().unwrap(), event);
        assert_eq!(Event::from_json(event.json().clone()).unwrap(), event);
    }
}

#[test]
fn what_no_store_wrote_is_refused() {
    let good = full().json().clone();
    let text = String::from_utf8(good.to_vec()).unwrap();
    for cut in 0..text.find("\"data\"").unwrap() {
        let error = Event::from_stored(good.slice(..cut)).unwrap_err();
        assert_eq!(error.code(), Code::MalformedJson);
    }
    for bad in [
        "",
        "{}",
        "null",
        "{\"id\"",
        r#"{"specversion":"1.0"}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"} "#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","x":}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","sequence":"x"}"#,
        r#"{"specversion":"1.0","id":"\"#,
    ] {
        assert!(Event::from_stored(Bytes::from(bad)).is_err(), "{bad}");
    }
}

#[test]
fn other_forms_of_the_same_come_to_one() {
    let foreign = "{ \"type\": \"t\", \"source\": \"\\u002fa\",\r\n \"id\": \"1\", \"specversion\": \"1.0\",
        \"time\": \"2026-03-04T06:06:07.0899999+01:00\", \"zz\": 1, \"aa\": true, \"subject\": null,
        \"sequence\": 7,
        \"data\": { \"a\" : [ 1,\r\n 2 ], \"b\": \" x \\n\\\" \" } }";
    let event = Event::from_json(foreign).unwrap();
    assert_eq!(
        String::from_utf8_lossy(event.json()),
        concat!(
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2026-03-04T05:06:07.089Z","#,
            r#""sequence":"7","aa":true,"zz":1,"data":{"a":[1,2],"b":" x \n\" "}}"#
        )
    );
    assert!(!event.json().contains(&b'\n'));
}

#[test]
fn times_in_other_offsets_and_precisions() {
    for (written, kept) in [
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04t05:06:07z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.123Z"),
        ("2026-03-04T05:06:07.123Z", "2026-03-04T05:06:07.123Z"),
        ("2026-03-04T05:06:07.1-00:30", "2026-03-04T05:36:07.100Z"),
        ("9999-12-30T21:59:59.999Z", "9999-12-30T21:59:59.999Z"),
    ] {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"{written}"}}"#);
        assert_eq!(Event::from_json(json).unwrap().time_text(), Some(kept), "{written}");
    }
}

#[test]
fn home_is_set_once() {
    let (tenant, stream) = (Tenant::default(), StreamName::new("wf-1").unwrap());
    let json = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":"wf-1/x"}"#;
    let away = Event::from_json(json).unwrap();
    let home = away.with_home(&tenant, &stream, now());
    assert_eq!((home.tenant(), home.stream()), (Some("default"), "wf-1"));
    assert_eq!(home.time(), Some(now()));
    assert_eq!(away.tenant(), None, "the first event stays as it is");
    assert!(String::from_utf8_lossy(home.json()).contains(r#""tenant":"default","stream":"wf-1""#));
    let again = home.with_home(&tenant, &stream, Timestamp::UNIX_EPOCH);
    assert_eq!(again.json().as_ptr(), home.json().as_ptr(), "nothing changes, nothing is copied");
    let dated = Event::builder("/a", "t").subject("wf-1").time(Timestamp::UNIX_EPOCH).build().unwrap();
    assert_eq!(dated.with_home(&tenant, &stream, now()).time(), Some(Timestamp::UNIX_EPOCH));
}

#[test]
fn the_root_run_is_found() {
    let stream = |json: &str| {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t",{json}}}"#);
        Event::from_json(json).unwrap().stream_name().unwrap().to_string()
    };
    assert_eq!(stream(r#""stream":"run-1""#), "run-1");
    assert_eq!(stream(r#""stream":"run-1","subject":"wf-2/task/t""#), "run-1");
    assert_eq!(stream(r#""subject":"wf-2/task/t""#), "wf-2");
    assert_eq!(stream(r#""subject":"wf-2""#), "wf-2");
}

#[test]
fn events_pass_through_serde() {
    let event = full();
    let text = serde_json::to_string(&vec![&event]).unwrap();
    let back: Vec<Event> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, [event]);
}

#[test]
fn payloads_of_each_kind() {
    let parse = |members: &str| {
        Event::from_json(format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t"{members}}}"#))
            .unwrap()
    };
    assert_eq!(parse("").data(), &Data::None);
    assert_eq!(parse(r#","data":null"#).data(), &Data::None);
    assert_eq!(parse(r#","data":"x""#).data(), &Data::Json("\"x\"".into()));
    assert_eq!(parse(r#","data_base64":"AAE=""#).data(), &Data::Binary(Bytes::from_static(&[0, 1])));
}
