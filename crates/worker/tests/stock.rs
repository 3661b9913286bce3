//! The stock workers' handlers, over a broker in this process.
#![allow(clippy::unwrap_used)]

mod kit;

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use headwater_broker::Broker;
use headwater_worker::{
    Handler, Report,
    stock::logs::{AuditFile, AuditOptions, Logs},
};
use kit::{broker, ms, publish, settled, typed, until, worker};
use tokio::sync::Notify;

/// Where lines go, with room or without.
#[derive(Clone, Default)]
struct Disk {
    lines: Arc<Mutex<Vec<u8>>>,
    full: Arc<AtomicBool>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

async fn run(broker: &Arc<Broker>, name: &str, handler: impl Handler) -> Report {
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = worker(broker.clone(), name).build(handler).unwrap();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    settled(broker, name).await;
    stop.notify_one();
    running.await.unwrap().unwrap()
}

fn story() -> Vec<headwater_events::Event> {
    let json = |text: &str| serde_json::from_str(text).expect("JSON");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let failed = typed("wf-1", 2, "task.failed.v1", &json(r#"{"error":"no disk","task_id":"t-7"}"#));
    vec![
        typed("wf-1", 0, "workflow.started.v1", &json("{}")),
        typed("wf-1", 1, "task.started.v1", &json("{}")),
        failed.to_builder().traceparent(trace).build().expect("a good event"),
        typed("wf-1", 3, "workflow.cancelled.v1", &json("{}")),
    ]
}

#[tokio::test]
async fn a_line_says_what_an_event_is_and_how_bad() {
    let broker = broker().await;
    publish(&broker, &story()).await;
    let disk = Disk::default();
    run(&broker, "lines", Logs::new(disk.clone())).await;
    let lines: Vec<serde_json::Value> =
        disk.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["info", "info", "error", "warn"]);
    let failed = &lines[2];
    assert_eq!(failed["task"], "t-7", "{failed}");
    assert_eq!(failed["error"], "no disk", "{failed}");
    assert_eq!(failed["trace_id"], "0af7651916cd43dd8448eb211c80319c", "{failed}");
    assert!(failed.get("data").is_none(), "payloads are not in it: {failed}");
}

#[tokio::test]
async fn what_finds_no_room_is_not_acked_and_costs_no_attempt() {
    let broker = broker().await;
    publish(&broker, &story()).await;
    let disk = Disk::default();
    disk.full.store(true, Ordering::SeqCst);
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = worker(broker.clone(), "full").build(Logs::new(disk.clone())).unwrap();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    // Longer than its attempts would last.
    tokio::time::sleep(ms(800)).await;
    assert_eq!(disk.text(), "");
    disk.full.store(false, Ordering::SeqCst);
    settled(&broker, "full").await;
    stop.notify_one();
    running.await.unwrap().unwrap();
    assert_eq!(disk.text().lines().count(), 4, "{}", disk.text());
    assert!(kit::letters(&broker, "full").await.is_empty());
}

#[tokio::test]
async fn the_audit_file_has_every_event_byte_for_byte() {
    let broker = broker().await;
    publish(&broker, &story()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let file = AuditFile::open(AuditOptions::new(&path)).unwrap();
    run(&broker, "audit", Logs::new(Disk::default()).audit(file)).await;
    until("the file is written", async || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == 4)
    })
    .await;
    let kept = std::fs::read_to_string(&path).unwrap();
    for (line, event) in kept.lines().zip(story()) {
        let read = headwater_events::Event::from_json(line.to_owned()).expect("a CloudEvent");
        assert_eq!((read.id(), read.ty()), (event.id(), event.ty()));
    }
}
