//! The file of keys, and how it is changed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::secret::{hex, id, random, sha256, token, unhex};
use crate::identity::Grant;

/// Why a file of keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the key file {path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// What is in it is not a file of keys, or what should go in cannot be.
    #[error("the key file: {0}")]
    Bad(String),
    /// There is no key of this id.
    #[error("there is no key `{0}`")]
    NoSuchKey(String),
}

/// The keys there are. It holds no secrets but one: what tickets are signed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    version: u32,
    ticket_secret: String,
    keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What it is called by: part of what is shown, and no secret.
    pub id: String,
    /// What it is for, in its owner's words.
    pub name: String,
    /// What it allows.
    pub grant: Grant,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it means nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Timestamp>,
    secrets: Vec<Secret>,
}

/// The hash of one secret. A key that was rotated has two for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until: Option<Timestamp>,
}

const VERSION: u32 = 1;

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no file of keys.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = fs::read(path).map_err(|error| KeyFileError::Io { path: path.to_owned(), error })?;
        let file: Self =
            serde_json::from_slice(&text).map_err(|error| KeyFileError::Bad(error.to_string()))?;
        if file.version != VERSION {
            return Err(KeyFileError::Bad(format!("version {}: this program knows {VERSION}", file.version)));
        }
        for key in &file.keys {
            key.grant.check().map_err(|error| KeyFileError::Bad(format!("key `{}`: {error}", key.id)))?;
            if key.hashes().any(|(hash, _)| hash.is_none()) {
                return Err(KeyFileError::Bad(format!(
                    "key `{}`: a hash is not 64 hexadecimal digits",
                    key.id
                )));
            }
        }
        Ok(file)
    }

    /// Changes a file, which is made where there is none. Whoever else changes it waits meanwhile; a server that reads
    /// it sees it whole, before or after. A new file is readable by its owner only; one that is there keeps its owner, its
    /// group and its mode.
    ///
    /// # Errors
    /// It cannot be read or written, or `change` failed: it is as before then.
    pub fn edit<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        let io = |error| KeyFileError::Io { path: path.to_owned(), error };
        let beside = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        // Where another than its owner changes it, it stays the owner's: the server that reads it could not any more.
        let before = fs::metadata(path).ok();
        let lock = private(&beside(".lock"), false).map_err(io)?;
        if let Some(before) = &before {
            // Of the lock it is a courtesy: an owner who meets one of somebody else's is told.
            let _ = give(&lock, before);
        }
        lock.lock().map_err(io)?;
        let mut file = if path.exists() { Self::read(path)? } else { Self::new()? };
        let changed = change(&mut file)?;
        let fresh = beside(".new");
        let mut text =
            serde_json::to_vec_pretty(&file).map_err(|error| KeyFileError::Bad(error.to_string()))?;
        text.push(b'\n');
        let mut out = private(&fresh, true).map_err(io)?;
        if let Some(before) = &before {
            give(&out, before).and_then(|()| out.set_permissions(before.permissions())).map_err(io)?;
        }
        out.write_all(&text).and_then(|()| out.sync_all()).map_err(io)?;
        fs::rename(&fresh, path).map_err(io)?;
        Ok(changed)
    }

    fn new() -> Result<Self, KeyFileError> {
        Ok(Self { version: VERSION, ticket_secret: random::<32>().ok_or_else(no_random)?, keys: Vec::new() })
    }

    /// The keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub(crate) fn ticket_secret(&self) -> &str {
        &self.ticket_secret
    }

    /// Adds a key, and gives it as its owner shows it: it cannot be had again.
    ///
    /// # Errors
    /// The grant cannot be one.
    pub fn create(
        &mut self,
        name: &str,
        grant: Grant,
        now: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<(String, String), KeyFileError> {
        grant.check().map_err(KeyFileError::Bad)?;
        let (id, secret) = (id().ok_or_else(no_random)?, random::<32>().ok_or_else(no_random)?);
        let secrets = vec![Secret { sha256: hex(&sha256(&secret)), until: None }];
        self.keys.push(Key { id: id.clone(), name: name.to_owned(), grant, created: now, expires, secrets });
        let token = token(&id, &secret);
        Ok((id, token))
    }

    /// Gives a key a new secret. The present one is good for `grace` longer; one that was replaced earlier is not.
    ///
    /// # Errors
    /// There is no such key.
    pub fn rotate(
        &mut self,
        id: &str,
        now: Timestamp,
        grace: SignedDuration,
    ) -> Result<String, KeyFileError> {
        let secret = random::<32>().ok_or_else(no_random)?;
        let key = self.keys.iter_mut().find(|key| key.id == id);
        let key = key.ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))?;
        key.secrets.retain(|secret| secret.until.is_none());
        for old in &mut key.secrets {
            old.until = Some(now.saturating_add(grace).unwrap_or(Timestamp::MAX));
        }
        key.secrets.push(Secret { sha256: hex(&sha256(&secret)), until: None });
        Ok(token(id, &secret))
    }

    /// Removes a key: from the next look at the file it means nothing.
    ///
    /// # Errors
    /// There is no such key.
    pub fn revoke(&mut self, id: &str) -> Result<Key, KeyFileError> {
        let at = self.keys.iter().position(|key| key.id == id);
        at.map(|at| self.keys.remove(at)).ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))
    }
}

impl Key {
    /// The hashes of its secrets, and until when each is good.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (Option<[u8; 32]>, Option<Timestamp>)> {
        self.secrets.iter().map(|secret| (unhex(&secret.sha256), secret.until))
    }
}

fn no_random() -> KeyFileError {
    KeyFileError::Bad("the system gives no random numbers".into())
}

/// Opens a file that nobody else may read.
fn private(path: &Path, anew: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(anew);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives a file the owner and the group of another.
#[cfg(unix)]
fn give(file: &File, like: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let has = file.metadata()?;
    if (has.uid(), has.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    fchown(file, Some(like.uid()), Some(like.gid()))
}

/// There are no owners to keep.
#[cfg(not(unix))]
fn give(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        let tenants = vec!["acme".to_owned()];
        Grant { tenants, scopes: vec![crate::identity::Right::Publish], ..Grant::default() }
    }

    #[test]
    fn the_file_has_no_secret_of_a_key_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let now = Timestamp::UNIX_EPOCH;
        let (id, token) = KeyFile::edit(&path, |file| file.create("ci", grant(), now, None)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (_, secret) = super::super::parse(&token).unwrap();
        assert!(text.contains(&id) && !text.contains(secret));
        assert!(text.contains(&hex(&sha256(secret))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_change_keeps_owner_group_and_mode_of_the_file() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let make = |file: &mut KeyFile| file.create("ci", grant(), Timestamp::UNIX_EPOCH, None);
        let (id, _) = KeyFile::edit(&path, make).unwrap();
        // Only root can give a file away; who else runs this sees that their own is kept.
        let own = fs::metadata(&path).unwrap();
        let (uid, gid) = if own.uid() == 0 { (12_345, 12_346) } else { (own.uid(), own.gid()) };
        chown(&path, Some(uid), Some(gid)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        KeyFile::edit(&path, |file| file.revoke(&id).map(drop)).unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.uid(), after.gid(), after.mode() & 0o777), (uid, gid, 0o640));
    }

    #[test]
    fn a_change_that_fails_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        KeyFile::edit(&path, |file| file.create("ci", grant(), Timestamp::UNIX_EPOCH, None)).unwrap();
        let before = fs::read(&path).unwrap();
        let gone = KeyFile::edit(&path, |file| file.revoke("nobody"));
        assert!(matches!(gone, Err(KeyFileError::NoSuchKey(id)) if id == "nobody"));
        let bad =
            KeyFile::edit(&path, |file| file.create("x", Grant::default(), Timestamp::UNIX_EPOCH, None));
        assert!(matches!(bad, Err(KeyFileError::Bad(_))));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_key_that_names_no_stream_or_type_is_not_for_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        KeyFile::edit(&path, |file| file.create("ci", grant(), Timestamp::UNIX_EPOCH, None)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for member in ["streams", "publish_types", "read_types"] {
            for nothing in ["[]", r#"[""]"#, r#"["a", " "]"#] {
                let changed =
                    text.replace(r#""grant": {"#, &format!(r#""grant": {{ "{member}": {nothing},"#));
                assert_ne!(changed, text);
                fs::write(&path, changed).unwrap();
                assert!(matches!(KeyFile::read(&path), Err(KeyFileError::Bad(_))), "{member}: {nothing}");
            }
            let mut blank = grant();
            match member {
                "streams" => blank.streams = vec![String::new()],
                "publish_types" => blank.publish_types = vec![",".into()],
                _ => blank.read_types = vec![" ".into()],
            }
            assert!(blank.check().is_err(), "{member}");
        }
        fs::write(&path, text).unwrap();
        assert_eq!(KeyFile::read(&path).unwrap().keys()[0].grant, grant());
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        assert!(matches!(KeyFile::read(&path), Err(KeyFileError::Io { .. })));
        for text in ["", "{}", r#"{"version":2,"ticket_secret":"x","keys":[]}"#] {
            fs::write(&path, text).unwrap();
            assert!(matches!(KeyFile::read(&path), Err(KeyFileError::Bad(_))), "{text}");
        }
    }
}
