//! Payloads against their types, by schema and by struct.

use headwater_events::{
    Code, Event,
    catalogue::{self, Entry},
    validate,
};
use rstest::rstest;
use serde_json::{Value, json};

fn event(ty: &str, data: &Value) -> Event {
    Event::builder("/a", ty).subject("wf-1").data(data).build().unwrap()
}

#[rstest]
#[case("workflow.started.v1", json!({}))]
#[case("workflow.started.v1", json!({"name": "x", "input": [1], "whatever": {"a": 1}}))]
#[case("workflow.progressed.v1", json!({"percentage": 40}))]
#[case("workflow.progressed.v1", json!({"percentage": 99.5, "message": null}))]
#[case("workflow.failed.v1", json!({"error": "no"}))]
#[case("workflow.failed.v1", json!({"error": {"message": "no", "code": "x", "details": [1]}}))]
#[case("llm.delta.v1", json!({"text": "[brackets]", "conversation": {"usage": {"input_tokens": 5}}}))]
#[case("workflow.completed.v1", json!({"duration_ms": 5.0}))]
#[case("workflow.started", json!({"name": 5}))]
#[case("progress", json!({"progress": 500}))]
#[case("com.example", json!([1]))]
fn valid(#[case] ty: &str, #[case] data: Value) {
    assert_eq!(validate::data(&event(ty, &data)), Ok(()));
}

#[rstest]
#[case("workflow.started.v1", json!({"name": 5}), "data/name")]
#[case("workflow.started.v1", json!([]), "data")]
#[case("workflow.started.v1", json!("x"), "data")]
#[case("workflow.progressed.v1", json!({}), "data")]
#[case("workflow.progressed.v1", json!({"percentage": "40"}), "data/percentage")]
#[case("workflow.progressed.v1", json!({"percentage": 101}), "data/percentage")]
#[case("workflow.progressed.v1", json!({"percentage": -1}), "data/percentage")]
#[case("workflow.failed.v1", json!({"error": {"code": "x"}}), "data/error")]
#[case("llm.delta.v1", json!({"text": null}), "data/text")]
#[case("llm.delta.v1", json!({"text": "a", "execution": {"attempt": -1}}), "data/execution")]
#[case("llm.delta.v1", json!({"text": "a", "execution": ["wf", "s", "n", 1]}), "data/execution")]
#[case("workflow.completed.v1", json!({"duration_ms": 1.5}), "data/duration_ms")]
#[case("state.delta.v1", json!({"patch": {}}), "data/patch")]
#[case("approval.resolved.v1", json!({"approved": "yes"}), "data/approved")]
#[case("dropped.v1", json!({"n": -1}), "data/n")]
fn invalid(#[case] ty: &str, #[case] data: Value, #[case] path: &str) {
    let error = validate::data(&event(ty, &data)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidData, "{error}");
    assert!(error.attribute_name().unwrap().starts_with(path), "{error:?}");
}

#[test]
fn what_is_not_json_cannot_be_a_known_payload() {
    let bytes = Event::builder("/a", "workflow.started.v1").data_bytes("x").build().unwrap();
    assert_eq!(validate::data(&bytes).unwrap_err().code(), Code::InvalidData);
    let none = |ty: &str| Event::builder("/a", ty).build().unwrap();
    assert_eq!(validate::data(&none("workflow.started.v1")), Ok(()));
    assert_eq!(validate::data(&none("llm.delta.v1")).unwrap_err().code(), Code::InvalidData);
    let elsewhere = Event::builder("/a", "llm.delta.v1").dataref("s3://x").build().unwrap();
    assert_eq!(validate::data(&elsewhere), Ok(()));
}

#[test]
fn long_messages_are_cut() {
    let data = json!({"text": vec!["x".repeat(1000); 100]});
    let error = validate::data(&event("llm.delta.v1", &data)).unwrap_err();
    assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
}

/// Values of every sort, to put into every member.
fn samples() -> Vec<Value> {
    [
        "null",
        "true",
        "0",
        "1",
        "-1",
        "1.0",
        "1.5",
        "100",
        "100.5",
        "4294967296",
        "9007199254740991",
        "9007199254740992",
        "18446744073709551615",
        "1e30",
        "-0.0",
        "\"\"",
        "\"text\"",
        "\"[\"",
        "[]",
        "[1]",
        "[\"a\",\"b\"]",
        "[\"a\",null,null,null]",
        "[\"a\",null,null,null,null,null]",
        "{}",
        "{\"message\":\"x\"}",
        "{\"message\":1}",
        "{\"attempt\":1}",
        "{\"attempt\":[]}",
        "{\"usage\":{\"input_tokens\":1.0}}",
        "{\"usage\":[1,2,3]}",
        "{\"x\":[{}]}",
    ]
    .iter()
    .map(|text| serde_json::from_str(text).unwrap())
    .collect()
}

/// The struct and the schema must say the same, so that the fast way is the right way.
#[test]
fn struct_and_schema_agree_on_every_member_of_every_type() {
    let mut valid = 0;
    let mut invalid = 0;
    for entry in catalogue::all() {
        let schema = entry.schema();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let members: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut agree = |data: &Value| {
            let by_schema = validator.is_valid(data);
            let by_us = judge(entry, data);
            assert_eq!(by_us, by_schema, "{}: {data}", entry.ty);
            if by_us { valid += 1 } else { invalid += 1 }
        };
        agree(&json!({}));
        for sample in samples() {
            agree(&sample);
            let base: serde_json::Map<String, Value> = required
                .iter()
                .map(|name| ((*name).to_owned(), base_of(&schema["properties"][*name])))
                .collect();
            agree(&Value::Object(base.clone()));
            for member in &members {
                let mut data = base.clone();
                data.insert((*member).clone(), sample.clone());
                agree(&Value::Object(data));
            }
        }
    }
    assert!(valid > 1000 && invalid > 1000, "{valid} valid, {invalid} invalid");
}

fn judge(entry: &'static Entry, data: &Value) -> bool {
    validate::json(entry, &data.to_string()).is_ok()
}

/// Some value that a required member takes.
fn base_of(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("string") => json!("x"),
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        _ => json!({}),
    }
}
