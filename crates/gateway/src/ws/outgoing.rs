//! What a client is told: one line of JSON each.

use headwater_broker::{Delivery, Item};
use headwater_events::{Cursor, Scope, event::push_json_string};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{page::gap_json, problem::Problem};

/// An item of a subscription.
pub(super) fn item(id: &str, scope: &Scope, item: &Item) -> Message {
    let cursor = item.cursor();
    match item {
        Item::Event(delivery) => event(id, delivery),
        Item::Gap(gap) => {
            let value =
                json!({ "type": "gap", "id": id, "cursor": cursor.to_string(), "gap": gap_json(gap, scope) });
            text(&value)
        }
        Item::CaughtUp(_) => place("caught-up", id, &cursor),
        Item::End(_) => place("end", id, &cursor),
    }
}

/// `{"type":…,"id":…,"cursor":…}`: a place of a subscription.
pub(super) fn place(kind: &str, id: &str, cursor: &Cursor) -> Message {
    text(&json!({ "type": kind, "id": id, "cursor": cursor.to_string() }))
}

/// Something that went wrong: with one subscription, or with the socket.
pub(super) fn error(id: Option<&str>, problem: &Problem, cursor: Option<&Cursor>) -> Message {
    let mut value = json!({ "type": "error", "problem": problem });
    if let Some(id) = id {
        value["id"] = id.into();
    }
    if let Some(cursor) = cursor {
        value["cursor"] = cursor.to_string().into();
    }
    text(&value)
}

/// The answer to a ping, with what it carried.
pub(super) fn pong(mut carried: Value) -> Message {
    carried["type"] = "pong".into();
    text(&carried)
}

/// A sign of life of a socket without subscriptions.
pub(super) fn heartbeat() -> Message {
    text(&json!({ "type": "heartbeat" }))
}

/// The event's own bytes, with a few members before them.
fn event(id: &str, delivery: &Delivery) -> Message {
    let json = delivery.event().json();
    let mut out = String::with_capacity(json.len() + 128);
    out.push_str("{\"type\":\"event\",\"id\":");
    push_json_string(&mut out, id);
    out.push_str(&format!(",\"cursor\":\"{}\"", delivery.cursor));
    if delivery.merged > 1 {
        out.push_str(&format!(",\"merged\":{}", delivery.merged));
    }
    out.push_str(",\"event\":");
    // Encoded events are text; if one were not, its letters that are none would be replaced.
    out.push_str(&String::from_utf8_lossy(json));
    out.push('}');
    Message::text(out)
}

fn text(value: &Value) -> Message {
    Message::text(value.to_string())
}
