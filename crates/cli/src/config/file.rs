//! `headwater.toml`, brought to flat keys.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Format, Toml},
    value::{Dict, Value},
};

use crate::exit::BadConfig;

/// The file that is read where none is named.
const DEFAULT: &str = "headwater.toml";

/// The file that is read: the named one, which must exist, else `headwater.toml` here if there is one.
pub(super) fn path(named: Option<&Path>) -> Result<Option<PathBuf>, BadConfig> {
    match named {
        Some(path) if path.is_file() => Ok(Some(path.to_owned())),
        Some(path) => Err(BadConfig(format!("no configuration file at {}", path.display()))),
        None => Ok(Some(PathBuf::from(DEFAULT)).filter(|path| path.is_file())),
    }
}

/// Keys and values of a file. A section is a prefix: `age` under `[retention]` is the key `retention-age`. Lists are
/// joined by commas, as their flags take them.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, BadConfig> {
    let dict: Dict = Figment::from(Toml::file_exact(path)).extract().map_err(|e| BadConfig(e.to_string()))?;
    let mut keys = Vec::new();
    flatten(path, "", &dict, &mut keys)?;
    Ok(keys)
}

fn flatten(
    path: &Path,
    prefix: &str,
    dict: &Dict,
    into: &mut Vec<(String, String)>,
) -> Result<(), BadConfig> {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}-{name}") };
        match value {
            Value::Dict(_, section) => flatten(path, &key, section, into)?,
            Value::Array(_, items) => {
                let items: Option<Vec<String>> = items.iter().map(scalar).collect();
                let items = items.ok_or_else(|| refuse(path, &key))?;
                into.push((key, items.join(",")));
            }
            other => {
                let text = scalar(other).ok_or_else(|| refuse(path, &key))?;
                into.push((key, text));
            }
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, c) => Some(c.to_string()),
        Value::Bool(_, b) => Some(b.to_string()),
        Value::Num(_, n) => n
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| n.to_u128().map(|n| n.to_string()))
            .or_else(|| n.to_f64().map(|n| n.to_string())),
        _ => None,
    }
}

fn refuse(path: &Path, key: &str) -> BadConfig {
    BadConfig(format!(
        "{}: key `{key}`: must be a string, a number, a boolean or a list of those",
        path.display()
    ))
}
