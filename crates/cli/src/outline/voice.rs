//! Text that is being streamed.

use headwater::{Data, Event, catalogue};
use serde_json::Value;

use crate::output::printable;

/// How much of the text is kept, in characters: more than a screen shows.
const KEPT: usize = 4000;

/// What one part is saying.
#[derive(Debug)]
pub(crate) struct Voice {
    /// Who emits it.
    pub(crate) source: String,
    /// The type of its deltas, without a version.
    pub(crate) ty: &'static str,
    /// The part.
    pub(crate) subject: String,
    /// The end of its text.
    pub(crate) text: String,
}

impl Voice {
    /// Adds a delta: to what is being said, or as the beginning of something else.
    pub(super) fn hear(voice: &mut Option<Self>, event: &Event, text: &str) {
        let Some(entry) = catalogue::lookup_name(event.ty()) else {
            return;
        };
        let subject = event.subject().unwrap_or("");
        let same = voice
            .as_ref()
            .is_some_and(|v| v.ty == entry.name && v.subject == subject && v.source == event.source());
        if !same {
            *voice = Some(Self {
                source: printable(event.source()),
                ty: entry.name,
                subject: subject.to_owned(),
                text: String::new(),
            });
        }
        if let Some(voice) = voice {
            voice.text.push_str(&printable(text));
            let over = voice.text.chars().count().saturating_sub(KEPT);
            if over > KEPT / 4 {
                voice.text = voice.text.chars().skip(over).collect();
            }
        }
    }
}

/// The text of a delta; `None` for every other event.
pub(crate) fn delta_text(event: &Event) -> Option<String> {
    let member = catalogue::lookup_name(event.ty())?.delta?;
    let Data::Json(json) = event.data() else {
        return None;
    };
    match serde_json::from_str::<Value>(json).ok()?.get_mut(member)?.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}
