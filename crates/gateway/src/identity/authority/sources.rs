//! What was read from where, and when.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use tokio::time::Instant;

use crate::identity::{
    jwt::{VerifyKey, from_file},
    keys::KeyFile,
};

/// What is remembered between two looks.
#[derive(Default)]
pub(super) struct Sources {
    /// How each file looked when it was read last.
    pub(super) stamps: Vec<Stamp>,
    /// Keys of tokens from files.
    pub(super) from_files: Vec<VerifyKey>,
    /// Keys of tokens from the provider.
    pub(super) from_provider: Vec<VerifyKey>,
    /// When the provider was asked last.
    pub(super) asked: Option<Instant>,
}

/// How a file looks from outside.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// What the files say.
pub(super) struct Files {
    pub(super) keys: Option<KeyFile>,
    pub(super) jwt_keys: Vec<VerifyKey>,
}

/// Reads all files. Blocks.
pub(super) fn read(keys: Option<&Path>, jwt_keys: &[PathBuf]) -> Result<Files, String> {
    let keys = keys.map(KeyFile::read).transpose().map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    for path in jwt_keys {
        let text = std::fs::read(path).map_err(|error| format!("the key {}: {error}", path.display()))?;
        all.extend(from_file(&text).map_err(|error| format!("the key {}: {error}", path.display()))?);
    }
    Ok(Files { keys, jwt_keys: all })
}

/// How the files look. Blocks.
pub(super) fn stamps<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    paths.map(stamp).collect()
}
