//! One value, checked by the flag it is for.

use clap::{Arg, ArgAction, Command};

/// Whether a flag is a switch: present or absent.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Lets the flag's own parser judge a value. Gives the value as the flag takes it, else what is wrong.
pub(super) fn check(arg: &Arg, value: &str) -> Result<String, String> {
    if is_switch(arg) {
        return match value.trim() {
            "true" | "1" | "yes" | "on" => Ok("true".to_owned()),
            "false" | "0" | "no" | "off" | "" => Ok("false".to_owned()),
            _ => Err(format!("`{value}` is neither true nor false")),
        };
    }
    let Some(long) = arg.get_long() else {
        return Ok(value.to_owned());
    };
    let flag = format!("--{long}={value}");
    let probe = Command::new("probe").no_binary_name(true).disable_help_flag(true);
    let probe = probe.arg(arg.clone().required(false).global(false).default_value(None::<&str>));
    match probe.try_get_matches_from([flag]) {
        Ok(_) => Ok(value.to_owned()),
        Err(error) => Err(first_sentence(&error)),
    }
}

/// What clap found wrong, without its hints for the command line.
fn first_sentence(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue};
    use std::error::Error as _;
    if let Some(source) = error.source() {
        return source.to_string();
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        // A parser that words its errors itself: what it found wrong stands behind the name of the flag.
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            return line.split_once("': ").map_or(line, |(_, why)| why).to_owned();
        }
    };
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("`{value}` is not one of {}", valid.join(", ")),
        _ => format!("`{value}` is no value for it"),
    }
}
