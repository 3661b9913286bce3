//! Where a setting comes from: built-in default < `headwater.toml` < `HEADWATER_<FLAG>` < flag.
//!
//! There is one declaration of each setting: its flag. A file or an environment variable only changes the default
//! of a flag, after the flag's own parser has accepted the value.

mod broker_url;
mod file;
mod layers;
mod secret;
mod value;

pub(crate) use broker_url::BrokerUrlParser;
pub(crate) use layers::Layers;
pub(crate) use secret::shown;

/// Reads an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<std::ffi::OsString>;

/// The environment variable of a flag: `log-format` is `HEADWATER_LOG_FORMAT`.
pub(crate) fn variable(flag: &str) -> String {
    format!("HEADWATER_{}", flag.replace('-', "_").to_ascii_uppercase())
}
