//! The keys as requests look them up.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{file::KeyFile, sha256};
use crate::identity::grant::Rights;

/// Keys by their ids.
#[derive(Debug, Default)]
pub(in crate::identity) struct Table(HashMap<Arc<str>, Row>);

/// One key.
#[derive(Debug)]
struct Row {
    rights: Arc<Rights>,
    expires: Option<Timestamp>,
    secrets: Vec<([u8; 32], Option<Timestamp>)>,
}

/// What a key that was accepted gives.
pub(in crate::identity) struct Accepted {
    pub(in crate::identity) id: Arc<str>,
    pub(in crate::identity) hash: [u8; 32],
    pub(in crate::identity) rights: Arc<Rights>,
    pub(in crate::identity) until: Option<Timestamp>,
}

impl Table {
    pub(in crate::identity) fn new(file: &KeyFile) -> Result<Self, String> {
        let row = |key: &super::Key| {
            let secrets = key.hashes().filter_map(|(hash, until)| Some((hash?, until))).collect();
            let rights = Arc::new(Rights::new(&key.grant)?);
            Ok::<_, String>((key.id.as_str().into(), Row { rights, expires: key.expires, secrets }))
        };
        file.keys().iter().map(row).collect::<Result<_, _>>().map(Self)
    }

    pub(in crate::identity) fn accept(&self, id: &str, secret: &str, now: Timestamp) -> Option<Accepted> {
        let (id, row) = self.0.get_key_value(id)?;
        let hash = sha256(secret);
        let until = row.until(&hash)?;
        let good = until.is_none_or(|until| now < until);
        good.then(|| Accepted { id: Arc::clone(id), hash, rights: Arc::clone(&row.rights), until })
    }

    /// Whether a secret that was accepted would be again, with the same rights.
    pub(in crate::identity) fn still(
        &self,
        id: &str,
        hash: &[u8; 32],
        rights: &Arc<Rights>,
        now: Timestamp,
    ) -> bool {
        let Some(row) = self.0.get(id) else { return false };
        // The rights of a key that was changed are others, even where they read the same: whoever is connected comes
        // back once more and is judged by the new ones.
        row.until(hash).is_some_and(|until| until.is_none_or(|until| now < until))
            && Arc::ptr_eq(rights, &row.rights)
    }

    /// What a key allows now, whichever secret of it is shown; `None` where it is over.
    pub(in crate::identity) fn rights(&self, id: &str, now: Timestamp) -> Option<&Rights> {
        let row = self.0.get(id)?;
        row.expires.is_none_or(|until| now < until).then_some(&*row.rights)
    }

    /// Rows that did not change keep their rights, so that their callers are not asked anew.
    pub(in crate::identity) fn keep(mut self, before: &Self) -> Self {
        for (id, row) in &mut self.0 {
            if let Some(old) = before.0.get(id)
                && old.rights.same(&row.rights)
            {
                row.rights = Arc::clone(&old.rights);
            }
        }
        self
    }
}

impl Row {
    /// Until when a secret is good: `None` where it is not one of this key, `Some(None)` for ever.
    fn until(&self, hash: &[u8; 32]) -> Option<Option<Timestamp>> {
        let found = self.secrets.iter().find(|(have, _)| same(have, hash));
        found.map(|(_, until)| match (*until, self.expires) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        })
    }
}

/// Compares in a time that does not depend on where they differ.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
