//! A disk that fills.

use std::{fs::File, path::Path, process::Command};

use crate::common::{all, durable, ids, scope};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, Reserve};
use headwater_store::{Append, Class, Error, Event, EventLog, Mark, StatusKind, Tenant};

const MIB: u64 = 1024 * 1024;

/// A small disk of its own, where this process may mount one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(mib: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            Some(Self(dir))
        } else {
            println!("skipped: no disk can be mounted here");
            None
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves about this much free.
    fn fill_up_to(&self, free: u64) {
        let file = File::create(self.path().join("ballast")).unwrap();
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        let size = disk.f_bavail * disk.f_frsize - free;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

async fn open(disk: &Disk, reserve: Reserve) -> EmbeddedStore {
    let options = EmbeddedOptions { reserve, ..EmbeddedOptions::default() };
    EmbeddedStore::open(disk.path().join("log"), options).await.unwrap()
}

#[tokio::test]
async fn a_reserve_is_kept_free() {
    let Some(disk) = Disk::new(192) else { return };
    let store = open(&disk, Reserve::Bytes(32 * MIB)).await;
    store.append((0..10).map(|n| durable("a", n)).collect()).await.unwrap();
    store.append(vec![durable("b", 0)]).await.unwrap();
    disk.fill_up_to(24 * MIB);
    let error = store.append(vec![durable("a", 10)]).await.unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!(store.status().borrow().kind, StatusKind::ReadOnly);
    assert_eq!(all(&store, &scope("a")).await.len(), 10, "reading goes on");
    assert!(store.remove(&Tenant::default(), &"b".parse().unwrap()).await.unwrap(), "deleting works");
    store.trim().await.unwrap();
    disk.make_room();
    store.append(vec![durable("a", 10)]).await.unwrap();
    assert_eq!(store.status().borrow().kind, StatusKind::Ready);
    assert_eq!(all(&store, &scope("a")).await.len(), 11);
}

fn large(n: usize) -> Append {
    let name = "a".parse().unwrap();
    let event = Event::builder("/test", "test.large.v1")
        .id(format!("a/{n}"))
        .tenant(&Tenant::default())
        .stream(&name)
        .data(&"x".repeat(200_000))
        .build()
        .unwrap();
    Append { event, tenant: Tenant::default(), stream: name, class: Class::Durable, mark: Mark::None }
}

#[tokio::test]
async fn a_disk_that_is_full_all_the_same_loses_nothing() {
    let Some(disk) = Disk::new(64) else { return };
    let store = open(&disk, Reserve::Bytes(0)).await;
    store.append(vec![large(0)]).await.unwrap();
    disk.fill_up_to(3 * MIB);
    let mut answered = vec!["a/0".to_owned()];
    let mut failed = 0;
    for n in 1..60 {
        match store.append(vec![large(n)]).await {
            Ok(_) => answered.push(format!("a/{n}")),
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0, "the disk was full");
    assert_eq!(all(&store, &scope("a")).await[0].event().id(), "a/0", "reading goes on");
    disk.make_room();
    let mut tries = 0;
    while let Err(error) = store.append(vec![large(1000)]).await {
        assert!(error.is_retryable() && tries < 200, "{error}");
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    answered.push("a/1000".to_owned());
    drop(store);
    let store = open(&disk, Reserve::Bytes(0)).await;
    let stored = ids(&all(&store, &scope("a")).await);
    for id in &answered {
        assert_eq!(stored.iter().filter(|have| *have == id).count(), 1, "{id} was answered");
    }
}
