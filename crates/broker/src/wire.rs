//! How groups look over HTTP: the bodies of the gateway's routes and of the client's calls, in one place.

use std::time::Duration;

use headwater_events::{Event, Position};
use headwater_store::Record;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{GroupConfig, GroupGap, GroupInfo, Leased, Refused, Settlement, Verdict};

/// A length of time as whole milliseconds.
pub mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads it.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A length of time as whole milliseconds, or none.
pub mod millis_or_none {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::millis::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

/// `PUT /v1/groups/{group}`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PutGroup {
    /// Where a new group begins: `earliest` (default), `live`, or a cursor of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub config: GroupConfig,
}

/// `GET /v1/groups`.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupList {
    /// The groups, in the order of their names.
    pub groups: Vec<GroupInfo>,
}

/// `POST /v1/groups/{group}/fetch`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchBody {
    /// Who asks.
    pub worker: String,
    /// Tells two processes of one name apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// How many events it has room for.
    #[serde(default = "one")]
    pub max: usize,
    /// How long to wait for the first.
    #[serde(default)]
    pub wait_ms: u64,
}

fn one() -> usize {
    1
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct FetchAnswer {
    /// What to handle.
    pub deliveries: Vec<DeliveryBody>,
    /// What the group will never see.
    pub gaps: Vec<GroupGap>,
}

/// One delivery.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliveryBody {
    /// What it is settled by.
    pub lease: String,
    /// Grows with every change of the lane's owner.
    pub fence: u64,
    /// From 1.
    pub attempt: u32,
    /// Where its dead letter stands, in a life after one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<Position>,
    /// Where it stands in the log.
    pub position: Position,
    /// When it was stored, in milliseconds since the Unix epoch.
    pub stored_at_ms: i64,
    /// The event as it was stored.
    pub event: Box<RawValue>,
}

impl DeliveryBody {
    /// What is sent of a delivery.
    #[must_use]
    pub fn new(leased: &Leased) -> Option<Self> {
        Some(Self {
            lease: leased.lease.to_string(),
            fence: leased.fence,
            attempt: leased.attempt,
            replay_of: leased.replay_of,
            position: leased.record.position(),
            stored_at_ms: leased.record.stored_at_ms(),
            event: raw(leased.event())?,
        })
    }

    /// What was sent.
    #[must_use]
    pub fn into_leased(self) -> Option<Leased> {
        let event = event(self.event)?;
        let (class, mark) = (event.class(), event.mark());
        let stored_at = Timestamp::from_millisecond(self.stored_at_ms).ok()?;
        Some(Leased {
            lease: self.lease.parse().ok()?,
            fence: self.fence,
            attempt: self.attempt,
            replay_of: self.replay_of,
            record: Record::new(event, self.position, stored_at, class, mark),
        })
    }
}

/// `POST /v1/groups/{group}/settle`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleBody {
    /// What became of deliveries.
    pub settlements: Vec<SettlementBody>,
}

/// One of `ack`, `retry`, `release`, `reject` for a lease.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettlementBody {
    /// Which delivery.
    pub lease: String,
    /// It was handled.
    #[serde(skip_serializing_if = "is_false")]
    pub ack: bool,
    /// It failed and comes again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryBody>,
    /// It was not tried.
    #[serde(skip_serializing_if = "is_false")]
    pub release: bool,
    /// It cannot be handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject: Option<RejectBody>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// When it comes again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// After how long.
    #[serde(default)]
    pub after_ms: u64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why it cannot be handled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// Why.
    pub reason: String,
}

impl SettlementBody {
    /// What is sent of a settlement.
    #[must_use]
    pub fn new(settlement: &Settlement) -> Self {
        let mut body = Self { lease: settlement.lease.to_string(), ..Self::default() };
        match &settlement.verdict {
            Verdict::Ack => body.ack = true,
            Verdict::Release => body.release = true,
            Verdict::Retry { after, reason } => {
                let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                body.retry = Some(RetryBody { after_ms, reason: reason.clone() });
            }
            Verdict::Reject { reason } => body.reject = Some(RejectBody { reason: reason.clone() }),
        }
        body
    }

    /// What was sent, if it says one thing of a lease.
    #[must_use]
    pub fn into_settlement(self) -> Option<Settlement> {
        let lease = self.lease.parse().ok()?;
        let verdict = match (self.ack, self.retry, self.release, self.reject) {
            (true, None, false, None) => Verdict::Ack,
            (false, Some(retry), false, None) => {
                Verdict::Retry { after: Duration::from_millis(retry.after_ms), reason: retry.reason }
            }
            (false, None, true, None) => Verdict::Release,
            (false, None, false, Some(reject)) => Verdict::Reject { reason: reject.reason },
            _ => return None,
        };
        Some(Settlement { lease, verdict })
    }
}

/// `POST /v1/groups/{group}/extend`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendBody {
    /// Which deliveries are still being handled.
    pub leases: Vec<String>,
}

/// The answer to `settle` and `extend`: one for each, in order.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResultsBody {
    /// What was taken and what was not.
    pub results: Vec<ResultBody>,
}

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResultBody {
    /// It was taken.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl ResultsBody {
    /// What is sent of results.
    #[must_use]
    pub fn new(results: &[Result<(), Refused>]) -> Self {
        let one = |result: &Result<(), Refused>| ResultBody {
            ok: result.is_ok(),
            code: result.as_ref().err().map(|refused| refused.code().to_owned()),
        };
        Self { results: results.iter().map(one).collect() }
    }

    /// What was sent.
    #[must_use]
    pub fn into_results(self) -> Vec<Result<(), Refused>> {
        let one = |result: ResultBody| match result.code.as_deref() {
            _ if result.ok => Ok(()),
            Some("no-such-group") => Err(Refused::NoGroup),
            _ => Err(Refused::NotHeld),
        };
        self.results.into_iter().map(one).collect()
    }
}

/// `POST /v1/groups/{group}/leave`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveBody {
    /// Who goes.
    pub worker: String,
}

/// Which dead letters `replay` and `discard` mean; nothing means all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LettersBody {
    /// These.
    pub positions: Vec<Position>,
    /// Of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Of these types, as in `types` of a read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
    /// With a reason that begins so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many dead letters were meant.
#[derive(Debug, Serialize, Deserialize)]
pub struct LettersAnswer {
    /// How many.
    pub count: u64,
}

/// `GET /v1/groups/{group}/dead-letters`.
#[derive(Debug, Serialize, Deserialize)]
pub struct LetterList {
    /// The open ones, in order.
    pub dead_letters: Vec<LetterBody>,
    /// Where to go on, if there may be more.
    pub next: Option<Position>,
}

/// One dead letter.
#[derive(Debug, Serialize, Deserialize)]
pub struct LetterBody {
    /// What names it.
    pub position: Position,
    /// Whose event it is.
    pub tenant: String,
    /// Where the event stood.
    pub source_position: Position,
    /// In which lane.
    pub lane: u16,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: Timestamp,
    /// When it was given up.
    pub last_failed_at: Timestamp,
    /// The trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The event, byte for byte.
    pub event: Box<RawValue>,
}

impl LetterBody {
    /// What is sent of a dead letter.
    #[must_use]
    pub fn new(letter: &crate::DeadLetter) -> Option<Self> {
        Some(Self {
            position: letter.position,
            tenant: letter.tenant.to_string(),
            source_position: letter.source_position,
            lane: letter.lane.0,
            reason: letter.reason.clone(),
            attempts: letter.attempts,
            first_failed_at: letter.failed_at.0,
            last_failed_at: letter.failed_at.1,
            traceparent: letter.traceparent().map(str::to_owned),
            event: raw(&letter.event)?,
        })
    }

    /// What was sent.
    #[must_use]
    pub fn into_letter(self) -> Option<crate::DeadLetter> {
        Some(crate::DeadLetter {
            position: self.position,
            tenant: self.tenant.parse().ok()?,
            source_position: self.source_position,
            lane: headwater_events::Lane(self.lane),
            reason: self.reason,
            attempts: self.attempts,
            failed_at: (self.first_failed_at, self.last_failed_at),
            event: event(self.event)?,
        })
    }
}

fn raw(event: &Event) -> Option<Box<RawValue>> {
    let json = String::from_utf8(event.json().to_vec()).ok()?;
    RawValue::from_string(json).ok()
}

fn event(json: Box<RawValue>) -> Option<Event> {
    Event::from_stored(String::from(Box::<str>::from(json)).into_bytes().into()).ok()
}
