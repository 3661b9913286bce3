//! Finding an entry by name: one hash, no allocation, since every append asks.

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use super::{Entry, all, split_version};

/// Slots of the table: a power of two, several times the number of names.
const SLOTS: usize = 1024;

/// Names by hash, with linear probing.
static TABLE: LazyLock<Box<[Option<&'static Entry>]>> = LazyLock::new(|| {
    let mut table = vec![None; SLOTS].into_boxed_slice();
    for entry in all() {
        let mut at = slot(entry.name);
        // Of several versions the newest stands for the name.
        while let Some(have) = table[at] {
            let have: &Entry = have;
            if have.name == entry.name {
                break;
            }
            at = (at + 1) % SLOTS;
        }
        if table[at].is_none_or(|have| have.version < entry.version) {
            table[at] = Some(entry);
        }
    }
    table
});

/// The newest entry of a type, whatever version `ty` gives.
pub(super) fn find(ty: &str) -> Option<&'static Entry> {
    let (name, _) = split_version(ty);
    let table = &**TABLE;
    let mut at = slot(name);
    while let Some(entry) = table[at] {
        if entry.name == name {
            return Some(entry);
        }
        at = (at + 1) % SLOTS;
    }
    None
}

fn slot(name: &str) -> usize {
    // The mask keeps it inside the table whatever the platform's word is.
    (xxh3_64(name.as_bytes()) & (SLOTS as u64 - 1)) as usize
}
