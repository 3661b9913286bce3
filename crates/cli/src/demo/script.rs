//! The scripted model: its words stand in the program, everything around them is as with a real one.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use headwater::{
    catalogue::Usage,
    chat::{Answer, ChatModel, ChatRequest, Message, ModelError, Piece},
};
use serde_json::Value;

use super::Pace;

/// One answer of a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    /// What the model thinks first.
    pub(crate) reasoning: &'static str,
    /// What it says.
    pub(crate) text: &'static str,
    /// Which tools it calls: the part of the run, the tool, the arguments.
    pub(crate) calls: Vec<(&'static str, &'static str, Value)>,
}

/// A model that says its lines, answer by answer.
#[derive(Debug)]
pub(crate) struct Script {
    name: &'static str,
    answers: Vec<Lines>,
    pace: Pace,
}

/// How long a model is silent before its first token, in milliseconds.
const SILENCE_MS: u64 = 320;

impl Script {
    /// A model of this name with these answers.
    pub(crate) const fn new(name: &'static str, answers: Vec<Lines>, pace: Pace) -> Self {
        Self { name, answers, pace }
    }
}

#[async_trait]
impl ChatModel for Script {
    fn name(&self) -> &str {
        self.name
    }

    async fn answer(&self, request: &ChatRequest) -> Result<Answer, ModelError> {
        let said =
            request.messages.iter().filter(|message| matches!(message, Message::Assistant { .. })).count();
        let lines = self.answers.get(said).cloned().unwrap_or_default();
        let pieces = lines.pieces();
        let pace = self.pace;
        pace.pause(SILENCE_MS).await;
        let paced = stream::iter(pieces.into_iter().enumerate()).then(move |(n, piece)| async move {
            // The time one token takes, which is never quite the same.
            pace.pause(17 + (n as u64 * 7919) % 23).await;
            Ok(piece)
        });
        Ok(paced.boxed())
    }
}

impl Lines {
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        pieces.extend(split(self.reasoning).into_iter().map(|token| Piece::Reasoning(token.to_owned())));
        pieces.extend(split(self.text).into_iter().map(|token| Piece::Text(token.to_owned())));
        for (index, (part, tool, arguments)) in self.calls.iter().enumerate() {
            let (id, name) = (Some((*part).to_owned()), Some((*tool).to_owned()));
            pieces.push(Piece::Call { index, id, name, arguments: String::new() });
            let arguments = arguments.to_string();
            let parts = split(&arguments).into_iter();
            pieces.extend(parts.map(|piece| Piece::Call {
                index,
                id: None,
                name: None,
                arguments: piece.to_owned(),
            }));
        }
        let usage = Usage { output_tokens: Some(pieces.len().into()), ..Usage::default() };
        let why = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        pieces.extend([Piece::Usage(usage), Piece::Finish(why.to_owned())]);
        pieces
    }
}

/// How long a real model may take for everything.
pub(crate) const REAL_MODEL: Duration = Duration::from_secs(600);

/// Text in pieces as models stream them: short words whole with the space before them, long ones in two.
pub(crate) fn split(text: &str) -> Vec<&str> {
    const LONG: usize = 7;
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word =
            rest.char_indices().skip(1).find(|(_, c)| c.is_whitespace()).map_or(rest.len(), |(at, _)| at);
        let cut = if word > LONG { rest.floor_char_boundary(word / 2) } else { word };
        let (piece, after) = rest.split_at(cut.max(1));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn pieces_make_the_whole() {
        for text in [
            "",
            "a",
            "The burst is 0: no request would ever pass.\nSo?",
            "üüüüüüüüüü ü",
            "{\n  \"burst\": 120\n}",
        ] {
            let pieces = split(text);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
        }
    }
}
