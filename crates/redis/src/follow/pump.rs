//! The task that reads along.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use headwater_events::{Epoch, Position, Tenant};
use headwater_store::{Backoff, Error, GapReason, ring::Ring};
use redis::{Cmd, aio::MultiplexedConnection};
use tokio_util::sync::CancellationToken;

use super::{
    step::{News, NoStep, Reading, Step},
    wanted::Wanted,
};
use crate::{
    link::{Link, RETRY},
    reply::{self, Id},
    tail,
};

/// How long one read waits for news, in ms: so often it is looked whether the data is still the same.
const BLOCK: u64 = 1_000;

pub(super) struct Pump {
    link: Arc<Link>,
    ring: Arc<Ring>,
    wanted: Arc<Wanted>,
    drain: CancellationToken,
    /// Everything of the tenants that are read along was read up to here.
    at: Id,
    epoch: Epoch,
    tenants: BTreeSet<Tenant>,
    everyone: bool,
    /// Which state of what is wanted is read.
    version: Option<u64>,
    /// The places where the log may have lost its tail.
    lost: Vec<(Position, Position)>,
    connection: Option<MultiplexedConnection>,
}

impl Pump {
    pub(super) fn new(
        link: Arc<Link>,
        ring: Arc<Ring>,
        wanted: Arc<Wanted>,
        drain: CancellationToken,
    ) -> Self {
        Self {
            at: Id::behind(ring.tail()),
            epoch: link.epoch(),
            link,
            ring,
            wanted,
            drain,
            tenants: BTreeSet::new(),
            everyone: false,
            version: None,
            lost: Vec::new(),
            connection: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let closing = self.link.closing.clone();
        loop {
            let turn = tokio::select! {
                turn = self.turn() => turn,
                () = closing.cancelled() => return,
            };
            match turn {
                Ok(true) => backoff.reset(),
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(%error, "reading the feeds was interrupted");
                    self.connection = None;
                    self.wanted.waiting.store(0, Ordering::Release);
                    if self.drain.is_cancelled() {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(backoff.next()) => {}
                        () = closing.cancelled() => return,
                    }
                }
            }
        }
    }

    /// One turn. Gives whether there is another one.
    async fn turn(&mut self) -> Result<bool, Error> {
        let draining = self.drain.is_cancelled();
        if self.version != Some(self.wanted.version()) || draining {
            self.include().await?;
            if draining {
                return Ok(false);
            }
        }
        if self.tenants.is_empty() && !self.everyone {
            self.connection = None;
            tokio::select! {
                () = self.wanted.changed.notified() => {}
                () = self.drain.cancelled() => {}
            }
            return Ok(true);
        }
        let fresh = self.connection.is_none();
        let mut connection = self.connection().await?;
        if fresh {
            // The server may be another one, which may have lost something.
            self.look().await?;
        }
        // What is waited for in one feed alone is all there is; several must be read at one moment.
        let alone = self.tenants.len() == 1 && !self.everyone && self.hole().is_none();
        let news = if alone {
            self.read(&mut connection, Some(BLOCK)).await?
        } else {
            self.read(&mut connection, None).await? || self.wait(&mut connection).await?
        };
        if !news {
            self.look().await?;
        }
        Ok(true)
    }

    /// The next place where something may be lost.
    fn hole(&self) -> Option<(Position, Position)> {
        self.lost.iter().find(|(_, to)| to.0 > self.at.position).copied()
    }

    /// Reads on to the tail, so that those who are new begin there, and takes them in.
    async fn include(&mut self) -> Result<(), Error> {
        let (subjects, version) = self.wanted.now();
        let tail = self.look().await?;
        let mut live = self.link.live().await?;
        // Not for as long as there is something: a busy log always has.
        while self.at.position < tail.0 && self.read(&mut live.commands, None).await? {}
        self.at = self.at.max(Id { position: tail.0, behind: 0 });
        self.tenants = subjects.iter().flatten().cloned().collect();
        self.everyone = subjects.contains(&None);
        if self.everyone {
            let mut command = Cmd::new();
            command.arg("HKEYS").arg(format!("{}:tn", self.link.namespace));
            let names = live.commands.send_packed_command(&command).await.map_err(Error::unavailable)?;
            let names: Result<Vec<_>, _> = reply::array(names)?.into_iter().map(reply::text).collect();
            self.tenants.extend(names?.iter().filter_map(|name| name.parse::<Tenant>().ok()));
        }
        self.version = Some(version);
        self.wanted.reads(&subjects, version, Position(self.at.position));
        Ok(())
    }

    /// Whether the data is still the same, how far it has come, and where it may have lost something.
    async fn look(&mut self) -> Result<Position, Error> {
        let (tail, lost) = tail::look(&self.link).await?;
        self.lost = lost;
        self.notice();
        Ok(tail)
    }

    /// Tells everyone if the data was replaced.
    fn notice(&mut self) {
        let epoch = self.link.epoch();
        if epoch == self.epoch {
            return;
        }
        self.epoch = epoch;
        self.lost.clear();
        let from = self.ring.tail().max(Position(self.at.position));
        self.ring.lost(from, from.next(), GapReason::Reset);
        // The new numbering begins behind that.
        self.at = Id { position: from.next().0, behind: 0 };
    }

    /// Reads one step on, where there is nothing after at most so many ms, and tells what there is. Gives whether there
    /// was anything.
    async fn read(
        &mut self,
        connection: &mut MultiplexedConnection,
        block: Option<u64>,
    ) -> Result<bool, Error> {
        let hole = self.hole();
        let reading = Reading {
            tenants: &self.tenants,
            arrivals: self.everyone,
            from: self.at,
            cap: hole.map(|(from, _)| Id::behind(from)),
        };
        let step = reading.step(&self.link, connection, block).await.map_err(NoStep::into_error)?;
        if self.link.epoch() != self.epoch {
            // What was read is of the new numbering, and is read again behind the place where it began.
            self.notice();
            return Ok(true);
        }
        let moved = step.upto > self.at || !step.arrived.is_empty();
        self.tell(step);
        match hole {
            Some((from, to)) if !moved => {
                self.ring.lost(from, to.max(self.ring.tail()), GapReason::Lost);
                self.at = Id { position: to.0, behind: 0 };
                Ok(true)
            }
            _ => Ok(moved),
        }
    }

    /// Waits for news. Gives whether there is any, rather than that it was waited for in vain or something else is up.
    async fn wait(&mut self, connection: &mut MultiplexedConnection) -> Result<bool, Error> {
        let reading = Reading { tenants: &self.tenants, arrivals: self.everyone, from: self.at, cap: None };
        reading.wait(&self.link, connection, BLOCK).await.map_err(NoStep::into_error)
    }

    fn tell(&mut self, step: Step) {
        self.at = step.upto;
        for news in step.news {
            match news {
                News::Records(mut records) => {
                    let tail = self.ring.tail();
                    records.retain(|record| record.position() > tail);
                    if let Some(last) = records.last() {
                        self.link.saw(last.position());
                        self.ring.push(records.into());
                    }
                }
                News::Missing { to } => {
                    let from = self.ring.tail();
                    if to > from {
                        self.ring.lost(from, to, GapReason::Overflow);
                    }
                }
                News::Deleted { tenant, stream, .. } => self.ring.forget(&tenant, &stream),
            }
        }
        self.tenants.extend(step.arrived);
    }

    /// The connection that waits for news.
    async fn connection(&mut self) -> Result<MultiplexedConnection, Error> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        // The commands' connection finds out first whether there is a server.
        tail::look(&self.link).await?;
        let connector = &self.link.connector;
        let patience = self.link.options.response_timeout + Duration::from_millis(BLOCK);
        let (mut connection, _) = connector.open(&connector.find().await?, Some(patience)).await?;
        let mut command = Cmd::new();
        command.arg("CLIENT").arg("ID");
        let id = connection.send_packed_command(&command).await.map_err(Error::unavailable)?;
        self.wanted.waiting.store(reply::number(&id)?, Ordering::Release);
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}
