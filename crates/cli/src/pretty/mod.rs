//! Events and times as people read them.

mod lines;

use std::time::Duration;

use headwater::RunState;

pub(crate) use lines::Lines;

/// A length of time in three digits or so: `870 ms`, `4.2 s`, `3m 07s`, `5h 12m`, `3d 4h`.
pub(crate) fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{} ms", length.as_millis()),
        1..60 => format!("{:.1} s", length.as_secs_f64()),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// What the state of a run is called.
pub(crate) fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Open => "running",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

/// How the state of a run is painted.
pub(crate) fn state_colour(state: RunState) -> &'static str {
    match state {
        RunState::Open => "33",
        RunState::Completed => "32",
        RunState::Failed => "31",
        RunState::Cancelled => "35",
    }
}

/// The colour of a type's category.
pub(crate) fn category_colour(ty: &str) -> &'static str {
    if ty.contains(".failed") || ty.contains(".error") || ty.starts_with("error") {
        return "31";
    }
    match ty.split('.').next().unwrap_or("") {
        "workflow" | "task" | "step" => "1;34",
        "llm" => "36",
        "tool" => "33",
        "a2a" => "35",
        "generation" | "audit" | "testing" | "deployment" => "32",
        _ => "",
    }
}

/// The first `max` characters, with an ellipsis where something was cut.
pub(crate) fn short(text: &str, max: usize) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(max).collect();
    if chars.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let shown = |ms| length(Duration::from_millis(ms));
        assert_eq!(shown(870), "870 ms");
        assert_eq!(shown(4_230), "4.2 s");
        assert_eq!(shown(187_000), "3m 07s");
        assert_eq!(shown(5 * 3_600_000 + 720_000), "5h 12m");
        assert_eq!(shown(76 * 3_600_000), "3d 4h");
    }

    #[test]
    fn short_keeps_whole_characters() {
        assert_eq!(short("größer", 4), "grö…");
        assert_eq!(short("kurz", 4), "kurz");
    }
}
