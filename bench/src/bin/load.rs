#![allow(dead_code, missing_docs, unreachable_pub, clippy::all)]
#[path = "../data.rs"]
mod data;
#[path = "../http.rs"]
mod http;
use data::{Template, stamp};
use http::{Connection, request};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let (kind, addr, conns, batch, secs) = (
        a[1].clone(),
        a[2].parse::<std::net::SocketAddr>()?,
        a[3].parse::<usize>()?,
        a[4].parse::<usize>()?,
        a[5].parse::<f64>()?,
    );
    let stored = Arc::new(AtomicU64::new(0));
    for c in 0..conns {
        let stream = format!("run-{c}");
        let theirs = kind == "ds";
        if theirs {
            Connection::open(addr)
                .await?
                .succeed(&request("PUT", &format!("/{stream}"), &[("content-type", "application/json")], b""))
                .await?;
        }
        let stored = stored.clone();
        tokio::spawn(async move {
            let mut t = Template::new(&stream);
            let mut c = Connection::open(addr).await.unwrap();
            let mut id = 0u64;
            let (path, mt) = if theirs {
                (format!("/{stream}"), "application/json")
            } else {
                (
                    "/v1/events".to_owned(),
                    if batch == 1 {
                        "application/cloudevents+json"
                    } else {
                        "application/cloudevents-batch+json"
                    },
                )
            };
            loop {
                let r = if batch == 1 {
                    request("POST", &path, &[("content-type", mt)], t.json(id, stamp()))
                } else {
                    request("POST", &path, &[("content-type", mt)], &t.array(id, batch, stamp()))
                };
                c.succeed(&r).await.unwrap();
                id += batch as u64;
                stored.fetch_add(batch as u64, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    eprintln!("warm");
    let (b, t) = (stored.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(secs)).await;
    println!("{:.0}", (stored.load(Ordering::Relaxed) - b) as f64 / t.elapsed().as_secs_f64());
    std::process::exit(0)
}
