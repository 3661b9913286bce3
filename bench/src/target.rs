//! The two servers that are measured with the same client.

use std::{net::SocketAddr, process::Command};

use anyhow::Result;

use crate::{
    Setup,
    http::{Connection, request},
    process::Process,
};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Ours, durable before the answer.
    Headwater,
    /// Electric's durable-streams, durable before the answer.
    DurableStreams,
}

/// The name of the other in the table.
pub(crate) const PEER: &str = "durable-streams";

impl Target {
    /// Both, in the order in which they take turns.
    pub(crate) const BOTH: [Self; 2] = [Self::Headwater, Self::DurableStreams];

    /// Starts it with an empty folder.
    pub(crate) async fn start(self, setup: &Setup) -> Result<Process> {
        Process::start(|address, folder| match self {
            Self::Headwater => {
                let mut command = Command::new(&setup.server);
                command.arg("serve").arg("--listen").arg(address.to_string());
                command.arg("--broker").arg(format!("embedded:{}", folder.join("data").display()));
                command
            }
            Self::DurableStreams => {
                let mut command = Command::new(&setup.peer);
                command.arg("--port").arg(address.port().to_string());
                command.arg("--data-dir").arg(folder.join("data")).args(["--durability", "wal"]);
                command
            }
        })
        .await
    }

    /// Makes a stream where that is needed.
    pub(crate) async fn create(self, address: SocketAddr, stream: &str) -> Result<()> {
        if self == Self::DurableStreams {
            let json = [("content-type", "application/json")];
            let create = request("PUT", &format!("/{stream}"), &json, b"");
            Connection::open(address).await?.succeed(&create).await?;
        }
        Ok(())
    }

    /// The request that publishes one event.
    pub(crate) fn publish(self, stream: &str, event: &[u8]) -> Vec<u8> {
        self.post(stream, "application/cloudevents+json", event)
    }

    /// The request that publishes a JSON array of events.
    pub(crate) fn publish_batch(self, stream: &str, events: &[u8]) -> Vec<u8> {
        self.post(stream, "application/cloudevents-batch+json", events)
    }

    fn post(self, stream: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Headwater => request("POST", "/v1/events", &[("content-type", media_type)], body),
            Self::DurableStreams => {
                request("POST", &format!("/{stream}"), &[("content-type", "application/json")], body)
            }
        }
    }

    /// Where a stream is read live, from its beginning.
    pub(crate) fn live(self, stream: &str) -> String {
        match self {
            Self::Headwater => format!("/v1/streams/{stream}/events"),
            Self::DurableStreams => format!("/{stream}?offset=-1&live=sse"),
        }
    }
}
