//! A server of its own, behind a proxy, and what is done to it.

use std::time::Duration;

use headwater_store::{StreamName, Tenant, suite::Faults};
use headwater_test_servers::{Kafka, KafkaOptions, Proxy, Server, aside};

use super::OnKafka;

/// One server for one clause.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    kafka: Kafka,
    proxy: Proxy,
}

impl Own {
    /// Blocks until it answers.
    pub(crate) fn start() -> Self {
        let proxy = Proxy::unaimed().expect("a proxy");
        let kafka = Kafka::start(KafkaOptions::default().behind(&proxy)).expect("a server");
        Self { kafka, proxy }
    }

    /// By the proxy.
    pub(crate) fn url(&self) -> String {
        self.kafka.url_at(self.proxy.address())
    }

    /// Past the proxy.
    pub(crate) fn direct(&self) -> String {
        self.kafka.address().to_string()
    }

    pub(crate) fn server(&self) -> Server {
        self.kafka.server().clone()
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

impl OnKafka {
    async fn done(
        &self,
        what: impl FnOnce(Server) -> Result<(), headwater_test_servers::Error> + Send + 'static,
    ) -> bool {
        let server = self.own().server();
        aside(move || what(server)).await.expect("the server does as it is told");
        true
    }
}

#[async_trait::async_trait]
impl Faults for OnKafka {
    fn settings(&self) -> String {
        "one server, acks=all, replication.factor=1, flushed by the operating system (log.flush.* unset)"
            .to_owned()
    }

    async fn restart(&self) -> bool {
        self.done(|server| server.restart()).await
    }

    async fn kill(&self) -> bool {
        self.done(|server| server.crash()).await
    }

    async fn pause(&self) -> bool {
        self.done(|server| server.pause()).await
    }

    async fn resume(&self) -> bool {
        self.done(|server| server.resume()).await
    }

    async fn cut(&self) -> bool {
        let proxy = self.own().proxy();
        // In the middle of the next reply, if there is one.
        proxy.cut_after(20);
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.cut_now();
        true
    }

    async fn wipe(&self) -> bool {
        self.done(|server| server.wipe()).await
    }

    async fn spoil(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        self.past().write(tenant, stream, b"none of ours").await;
        true
    }

    async fn delete_under(&self, _: &Tenant, _: &StreamName) -> bool {
        self.past().delete().await;
        true
    }

    fn attempts(&self) -> Option<u64> {
        self.own.get().map(|own| own.proxy().attempts())
    }
}
