//! State values in a group.

use headwater_store::{Error, Version};

use super::group::Group;
use crate::{codec::Reader, engine::storage, meta, view::View};

impl Group {
    pub(super) fn put_state(
        &mut self,
        key: &str,
        value: &[u8],
        expected: Option<Version>,
        view: &View,
    ) -> Result<Result<Version, Error>, Error> {
        let found = self.state(key, view)?;
        if found != expected {
            return Ok(Err(Error::Conflict { expected, found }));
        }
        self.state_version += 1;
        let version = Version(self.state_version);
        let stored = [&version.0.to_be_bytes(), value].concat();
        self.batch.insert(&view.engine.state, key.as_bytes(), stored);
        meta::put_state_version(&mut self.batch, &view.engine.meta, self.state_version);
        self.state.insert(key.to_owned(), Some(version));
        Ok(Ok(version))
    }

    pub(super) fn delete_state(
        &mut self,
        key: &str,
        expected: Version,
        view: &View,
    ) -> Result<Result<(), Error>, Error> {
        let (expected, found) = (Some(expected), self.state(key, view)?);
        if found != expected {
            return Ok(Err(Error::Conflict { expected, found }));
        }
        self.batch.remove(&view.engine.state, key.as_bytes());
        self.state.insert(key.to_owned(), None);
        Ok(Ok(()))
    }

    /// The present version, the group's own writes included.
    fn state(&self, key: &str, view: &View) -> Result<Option<Version>, Error> {
        if let Some(version) = self.state.get(key) {
            return Ok(*version);
        }
        let stored = view.engine.state.get(key).map_err(storage)?;
        stored.map(|value| Reader::new(&value, "a state value").u64().map(Version)).transpose()
    }
}
