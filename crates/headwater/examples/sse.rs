//! A handler of your own that streams a run to a browser: `cargo run --example sse -- --serve`.

use std::convert::Infallible;

use axum::{
    Router,
    extract::State as Shared,
    response::sse::{Event as Frame, KeepAlive, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt as _};
use headwater::{App, GraphBuilder, Item, NodeContext, RuntimeConfig, START, State, Update};

async fn run(Shared(app): Shared<App>) -> Sse<impl Stream<Item = Result<Frame, Infallible>>> {
    let (events, handle) = app.invoke_streaming(State::new()).await.expect("the run begins");
    // The client goes, the stream is dropped, the handle with it: the run is cancelled.
    let handle = handle.cancel_on_drop();
    let frames = events.filter_map(move |item| {
        let _held = &handle;
        let frame = match item {
            Ok(Item::Event(delivery)) => {
                let text = String::from_utf8_lossy(delivery.event().json()).into_owned();
                Some(Ok(Frame::default()
                    .id(delivery.cursor.to_string())
                    .event(delivery.event().ty())
                    .data(text)))
            }
            Ok(Item::Gap(gap)) => Some(Ok(Frame::default().event("gap").data(gap.reason.to_string()))),
            Ok(Item::CaughtUp(_) | Item::End(_)) | Err(_) => None,
        };
        std::future::ready(frame)
    });
    Sse::new(frames).keep_alive(KeepAlive::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = GraphBuilder::new("hello").edge(START, "hello").node("hello", async |ctx: NodeContext| {
        ctx.message("hello from the graph").await;
        Ok(Update::new())
    });
    let app = graph.with_runtime_config(RuntimeConfig::silent())?;
    let router = Router::new().route("/run", get(run)).with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("curl -N http://{}/run", listener.local_addr()?);
    if std::env::args().any(|argument| argument == "--serve") {
        axum::serve(listener, router).await?;
    }
    Ok(())
}
