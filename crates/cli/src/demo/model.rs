//! The models: their words stand in a script, everything around them is as with a real one.

use headwater::catalogue::{
    LlmCompleted, LlmDelta, LlmReasoningCompleted, LlmReasoningDelta, LlmStarted, Usage,
};

use super::agent::Agent;

/// What a model is given to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    /// Which model it is.
    pub(crate) model: &'static str,
    /// What it thinks first.
    pub(crate) reasoning: &'static str,
    /// What it answers.
    pub(crate) text: &'static str,
}

/// How long a model is silent before its first token, in milliseconds.
const SILENCE_MS: u64 = 320;

impl Agent {
    /// Lets a model think and answer, token by token, and gives the answer.
    pub(crate) async fn think(&mut self, part: &str, lines: Lines) -> anyhow::Result<String> {
        let begun = tokio::time::Instant::now();
        self.emit(part, LlmStarted::new().model(lines.model).provider("script")).await?;
        self.setting.pace.pause(SILENCE_MS).await;
        let mut tokens = 0_usize;
        if !lines.reasoning.is_empty() {
            for token in split(lines.reasoning) {
                self.emit(part, LlmReasoningDelta::new(token)).await?;
                tokens += 1;
                self.breathe(tokens).await;
            }
            self.emit(part, LlmReasoningCompleted::new().text(lines.reasoning)).await?;
        }
        for token in split(lines.text) {
            self.emit(part, LlmDelta::new(token)).await?;
            tokens += 1;
            self.breathe(tokens).await;
        }
        let usage = Usage { input_tokens: None, output_tokens: Some(tokens.into()), cached_tokens: None };
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let completed = LlmCompleted::new().text(lines.text).model(lines.model).finish_reason("stop");
        self.emit(part, completed.usage(usage).duration_ms(took)).await?;
        Ok(lines.text.to_owned())
    }

    /// The time one token takes, which is never quite the same.
    async fn breathe(&self, tokens: usize) {
        self.setting.pace.pause(17 + (tokens as u64 * 7919) % 23).await;
    }
}

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
