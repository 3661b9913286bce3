//! Where marks are kept.

use std::sync::Arc;

use headwater_events::{StreamName, Tenant};
use headwater_store::{Error as StoreError, Store};

use super::{End, MirrorError, MirrorOptions, mark::Mark, mark_file::MarkFile};

/// Keeps one mark a stream.
pub(crate) enum Marks {
    /// In the state of one of the two stores.
    State { store: Arc<dyn Store>, prefix: String },
    /// In a file.
    File(MarkFile),
    /// Nowhere.
    Nowhere,
}

impl Marks {
    /// The best place there is.
    pub(crate) async fn open(from: &End, to: &End, options: &MirrorOptions) -> Result<Self, MirrorError> {
        if let Some(path) = &options.state_file {
            let file = MarkFile::open(path.clone(), &options.name, &options.tenant).await?;
            return Ok(Self::File(file));
        }
        let store = to.store.as_ref().or(from.store.as_ref());
        Ok(store.map_or(Self::Nowhere, |store| Self::State {
            store: Arc::clone(store),
            prefix: prefix(&options.name, &options.tenant),
        }))
    }

    /// The mark of a stream; an empty one where there is none.
    pub(crate) async fn load(&self, stream: &StreamName) -> Result<Mark, MirrorError> {
        match self {
            Self::State { store, prefix } => {
                let entry = store.get(&format!("{prefix}{stream}")).await.map_err(MirrorError::Marks)?;
                Ok(entry.map_or_else(Mark::default, |e| Mark::decode(&e.value, Some(e.version))))
            }
            Self::File(file) => Ok(file.load(stream)),
            Self::Nowhere => Ok(Mark::default()),
        }
    }

    /// Stores a mark over the one it was made from, and gives it its new version.
    pub(crate) async fn save(&self, stream: &StreamName, mark: &mut Mark) -> Result<(), MirrorError> {
        let Some(value) = mark.encode() else { return Ok(()) };
        match self {
            Self::State { store, prefix } => {
                let key = format!("{prefix}{stream}");
                match store.put(&key, value.clone(), mark.version).await {
                    Ok(version) => mark.version = Some(version),
                    Err(StoreError::Conflict { .. }) => {
                        // Our own write whose answer was lost is no other mirror.
                        let found = store.get(&key).await.map_err(MirrorError::Marks)?;
                        match found.filter(|entry| entry.value == value) {
                            Some(entry) => mark.version = Some(entry.version),
                            None => return Err(MirrorError::TwoMirrors { stream: stream.clone() }),
                        }
                    }
                    Err(error) => return Err(MirrorError::Marks(error)),
                }
                Ok(())
            }
            Self::File(file) => file.save(stream, mark.clone()).await,
            Self::Nowhere => Ok(()),
        }
    }
}

/// What the keys of a mirror's marks begin with.
pub(crate) fn prefix(name: &str, tenant: &Tenant) -> String {
    format!("mirror/{name}/{tenant}/")
}
