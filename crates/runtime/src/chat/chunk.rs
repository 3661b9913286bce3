//! Reading what a server sends, leniently: what is there is used, what is missing is missing.

use headwater_events::catalogue::Usage;
use serde_json::Value;

use super::{ModelError, ModelErrorKind, Piece};

/// The pieces of one chunk of a stream, or of a whole answer that was not streamed.
pub(super) fn pieces(chunk: &Value) -> Result<Vec<Piece>, ModelError> {
    if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
        return Err(ModelError::new(ModelErrorKind::Server, said(error)));
    }
    let mut pieces = Vec::new();
    if let Some(model) = text(&chunk["model"]) {
        pieces.push(Piece::Model(model));
    }
    for choice in list(&chunk["choices"]).iter().take(1) {
        let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        // Some call it this, some that.
        let thought = text(&delta["reasoning_content"]).or_else(|| text(&delta["reasoning"]));
        pieces.extend(thought.map(Piece::Reasoning));
        pieces.extend(content(&delta["content"]).map(Piece::Text));
        for (at, call) in list(&delta["tool_calls"]).iter().enumerate() {
            pieces.push(call_piece(at, call));
        }
        pieces.extend(text(&choice["finish_reason"]).map(Piece::Finish));
    }
    pieces.extend(usage(&chunk["usage"]).map(Piece::Usage));
    Ok(pieces)
}

/// What an error says, in whichever of its many forms.
pub(super) fn said(error: &Value) -> String {
    let inner = error.get("error").unwrap_or(error);
    let message = text(&inner["message"]).or_else(|| text(inner)).or_else(|| text(&inner["detail"]));
    message.unwrap_or_else(|| "the server gave no reason".to_owned())
}

fn call_piece(at: usize, call: &Value) -> Piece {
    let function = &call["function"];
    let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(at);
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        // Some send them as the object that they are.
        object @ Value::Object(_) => object.to_string(),
        _ => String::new(),
    };
    Piece::Call { index, id: text(&call["id"]), name: text(&function["name"]), arguments }
}

/// Text as it is, or as a list of parts.
fn content(value: &Value) -> Option<String> {
    match value {
        Value::Array(parts) => {
            let all: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            Some(all).filter(|text| !text.is_empty())
        }
        other => text(other),
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |names: [&str; 2]| names.iter().find_map(|name| value[*name].as_u64()).map(Into::into);
    let usage = Usage {
        input_tokens: count(["prompt_tokens", "input_tokens"]),
        output_tokens: count(["completion_tokens", "output_tokens"]),
        cached_tokens: value["prompt_tokens_details"]["cached_tokens"].as_u64().map(Into::into),
    };
    (usage != Usage::default()).then_some(usage)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_servers_form_is_understood() {
        let of = |chunk: Value| pieces(&chunk).unwrap();
        assert_eq!(
            of(json!({ "choices": [{ "delta": { "content": "a" }, "finish_reason": "" }], "usage": {} })),
            [Piece::Text("a".into())]
        );
        assert_eq!(
            of(json!({ "choices": [{ "delta": { "content": [{ "type": "text", "text": "b" }] } }] })),
            [Piece::Text("b".into())]
        );
        assert_eq!(
            of(json!({ "choices": [{ "delta": { "reasoning": "c", "content": null } }] })),
            [Piece::Reasoning("c".into())]
        );
        let call = of(json!({ "choices": [{ "delta": { "tool_calls": [
            { "id": "1", "function": { "name": "t", "arguments": { "x": 1 } } }] } }] }));
        let expected = Piece::Call {
            index: 0,
            id: Some("1".into()),
            name: Some("t".into()),
            arguments: r#"{"x":1}"#.into(),
        };
        assert_eq!(call, [expected]);
        let usage = of(json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 4 } }));
        assert!(matches!(&usage[..], [Piece::Usage(usage)] if usage.input_tokens == Some(3u64.into())));
        for nothing in
            [json!({}), json!({ "choices": null }), json!([1]), json!("x"), json!({ "error": null })]
        {
            assert_eq!(of(nothing), []);
        }
    }

    #[test]
    fn an_error_in_the_stream_is_one() {
        for error in [json!({ "message": "too long" }), json!("too long"), json!({ "detail": "too long" })] {
            assert_eq!(pieces(&json!({ "error": error })).unwrap_err().message, "too long");
        }
    }
}
