//! Publishing a page: what the broker refuses is found and set aside, everything else goes on in order.

use std::collections::{BTreeMap, HashSet, VecDeque};

use headwater_broker::{Error as BrokerError, EventPublisher};
use headwater_events::Event;

use super::fetch::Row;

/// When every run is tried by itself, the broker is held to be away after so many failures without a success.
const GIVE_UP: usize = 3;

/// An event that the broker refuses.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) seq: i64,
    pub(super) code: String,
    pub(super) reason: String,
}

/// What became of a page.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Places of the rows that the broker has stored, in `rows` of the call.
    pub(super) published: Vec<usize>,
    pub(super) refused: Vec<Refusal>,
    /// Runs that failed while others did not: their first row that was not published.
    pub(super) failed: Vec<(usize, BrokerError)>,
    /// The broker is away: nothing more was tried.
    pub(super) away: Option<BrokerError>,
}

/// Publishes a page in the order of its rows.
#[derive(Debug)]
pub(super) struct Delivery<'a, P: ?Sized> {
    broker: &'a P,
    rows: &'a [Row],
    /// Whether a run waits behind an event that was refused.
    hold: bool,
    stopped: HashSet<i64>,
    done: Delivered,
}

impl<'a, P: EventPublisher + ?Sized> Delivery<'a, P> {
    pub(super) fn new(broker: &'a P, rows: &'a [Row], hold: bool) -> Self {
        Self { broker, rows, hold, stopped: HashSet::new(), done: Delivered::default() }
    }

    /// Everything together, a tenant at a time: over HTTP a call speaks for one.
    pub(super) async fn together(mut self) -> Delivered {
        for group in self.grouped(|row| row.event.tenant().unwrap_or_default().to_owned()) {
            if let Err((_, error)) = self.in_order(&group, usize::MAX).await {
                self.done.away = Some(error);
                break;
            }
        }
        self.done
    }

    /// A run at a time and an event at a time: one that fails is told from a broker that is away. After `failures` in a
    /// row others are tried first than before, so that a few that always fail do not pass for a broker that is away.
    pub(super) async fn by_run(mut self, failures: u32) -> Delivered {
        let mut groups = self.grouped(|row| row.run);
        let first = usize::try_from(failures).unwrap_or(0).saturating_mul(GIVE_UP) % groups.len().max(1);
        groups.rotate_left(first);
        for group in groups {
            let Err(failed) = self.in_order(&group, 1).await else { continue };
            self.done.failed.push(failed);
            if self.done.published.is_empty() && self.done.failed.len() >= GIVE_UP {
                break;
            }
        }
        if self.done.published.is_empty() {
            self.done.away = self.done.failed.pop().map(|(_, error)| error);
            self.done.failed.clear();
        }
        self.done
    }

    /// Rows that have something in common, in their order; groups in the order of their first rows.
    fn grouped<K: Ord>(&self, of: impl Fn(&Row) -> K) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut by: BTreeMap<K, usize> = BTreeMap::new();
        for (at, row) in self.rows.iter().enumerate() {
            let group = *by.entry(of(row)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(at);
        }
        groups
    }

    /// Publishes rows in batches of at most `most`, whose size is halved where the broker refuses one and doubled where it takes one: a
    /// single bad row costs little, and many of them at once cost no more than two calls each.
    ///
    /// What is in the way of all, and not to blame on an event, ends it with the first row that it stands before.
    async fn in_order(&mut self, group: &[usize], most: usize) -> Result<(), (usize, BrokerError)> {
        let mut rest: VecDeque<usize> = group.iter().copied().collect();
        let mut size = rest.len().min(most);
        while !rest.is_empty() {
            rest.retain(|at| !self.stopped.contains(&self.rows[*at].run));
            let batch: Vec<usize> = rest.iter().copied().take(size.max(1)).collect();
            if batch.is_empty() {
                break;
            }
            let events: Vec<Event> = batch.iter().map(|at| self.rows[*at].event.clone()).collect();
            match self.broker.publish(&events).await {
                Ok(_) => {
                    rest.drain(..batch.len());
                    self.done.published.extend(batch);
                    size = size.saturating_mul(2).min(most);
                }
                Err(error) => match blamed(&error, batch.len()) {
                    None => return Err((batch[0], error)),
                    Some(0) if batch.len() == 1 => {
                        rest.pop_front();
                        self.refuse(batch[0], &error);
                        size = (size / 2).max(1);
                    }
                    // What stands before the one that is blamed is good; it is then tried alone before it is refused.
                    Some(index) => size = if index == 0 { 1 } else { index.min(batch.len() / 2).max(1) },
                },
            }
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize, error: &BrokerError) {
        let row = &self.rows[at];
        if self.hold {
            self.stopped.insert(row.run);
        }
        self.done.refused.push(Refusal {
            seq: row.seq,
            code: error.code().to_owned(),
            reason: error.to_string(),
        });
    }
}

/// Which event of a batch is to blame; `None` where the events are not.
fn blamed(error: &BrokerError, len: usize) -> Option<usize> {
    let somewhere = if len == 1 { 0 } else { len / 2 };
    match error {
        BrokerError::InvalidEvent { index, .. } => Some((*index).min(len - 1)),
        // The broker, or something in between, does not take the size; or a server does not take the tenant.
        BrokerError::BatchTooLarge { .. } | BrokerError::Remote { status: 413, .. } => Some(somewhere),
        BrokerError::Remote { code, .. } if code == "foreign-tenant" => Some(somewhere),
        _ => None,
    }
}
