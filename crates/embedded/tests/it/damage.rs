//! Bytes that are not what was written.

use std::{fs, path::Path};

use crate::common::{all, durable, page, scope};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, verify};
use headwater_store::{Error, EventLog, GapReason, Position};

const EVENTS: usize = 60;

async fn written(path: &Path) {
    let store = EmbeddedStore::open(path, EmbeddedOptions::default()).await.unwrap();
    for n in 0..EVENTS {
        store.append(vec![durable("a", n)]).await.unwrap();
    }
    store.close().await.unwrap();
}

/// How many bytes of the journal are used: the rest is zeros.
fn journal(path: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let file = fs::read_dir(path.join("db"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "jnl"))
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let used = bytes.iter().rposition(|&b| b != 0).unwrap() + 1;
    bytes.truncate(used);
    (file, bytes)
}

#[tokio::test]
async fn damage_in_the_journal_is_never_silent() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path()).await;
    let (file, good) = journal(dir.path());
    let (mut refused, mut told) = (0, 0);
    for step in 1..24 {
        let mut bad = good.clone();
        let at = bad.len() * step / 24;
        bad[at] ^= 0x40;
        fs::write(&file, &bad).unwrap();
        match EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await {
            Err(Error::Corrupt { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
            Ok(store) => {
                told += 1;
                let whole = page(&store, &scope("a"), Position::ZERO).await;
                let lost = whole.gaps.iter().find(|gap| gap.reason == GapReason::Lost).expect("a gap");
                let last = whole.records.last().map_or(Position::ZERO, headwater_store::Record::position);
                assert!(lost.from <= last && lost.to >= Position(EVENTS as u64), "{lost:?} after {last}");
                let next = store.append(vec![durable("a", 1000)]).await.unwrap()[0].position;
                assert!(next > lost.to, "positions are never used again");
                drop(store);
                assert_eq!(verify(dir.path()).unwrap().lost.len(), 1);
            }
        }
        // Anew, since what was opened was mended.
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        written(dir.path()).await;
    }
    assert!(refused + told == 23 && refused > 0, "{refused} refused, {told} told");
}

#[tokio::test]
async fn a_torn_end_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path()).await;
    let (file, mut bytes) = journal(dir.path());
    // A piece of a batch that was never answered.
    let piece = bytes[bytes.len() - 300..bytes.len() - 100].to_vec();
    bytes.extend_from_slice(&[1, 4, 0, 0, 0]);
    bytes.extend_from_slice(&piece);
    fs::write(&file, &bytes).unwrap();
    match EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await {
        Ok(store) => assert_eq!(all(&store, &scope("a")).await.len(), EVENTS),
        Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error}"),
    }
}

#[tokio::test]
async fn a_log_that_is_well_is_found_well() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(verify(dir.path()), Err(Error::Config { .. })));
    written(dir.path()).await;
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.durable, report.references, report.commits), (60, 120, 60));
    assert_eq!((report.runs, report.last), (1, Position(60)));
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap();
    let error = verify(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Config { reason } if reason.contains("in use")), "{error}");
    drop(store);
}
