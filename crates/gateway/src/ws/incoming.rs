//! What a client says.

use headwater_broker::{Error, Overflow, Start, Subscription};
use headwater_events::{Filter, Scope, StreamName, Tenant};
use serde::Deserialize;
use serde_json::Value;

use crate::{problem::Problem, query::several};

/// A message, checked as far as it can be without asking anybody.
#[derive(Debug)]
pub(super) enum Incoming {
    Subscribe(Vec<Wanted>),
    Unsubscribe(String),
    /// Answered with what it carried.
    Ping(Value),
}

/// A subscription as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What the client calls it.
    pub(super) id: String,
    /// One run.
    #[serde(default)]
    stream: Option<String>,
    /// Several runs on one cursor. Neither: the whole tenant.
    #[serde(default)]
    streams: Option<Vec<String>>,
    #[serde(default)]
    types: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    overflow: Option<String>,
}

/// The longest id of a subscription, in bytes.
const MAX_ID: usize = 64;

impl Incoming {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| bad(format!("not JSON: {error}")))?;
        let object = value.as_object_mut().ok_or_else(|| bad("not an object"))?;
        let kind = object.remove("type");
        match kind.as_ref().and_then(Value::as_str) {
            Some("subscribe") => {
                let wanted = match object.remove("subscriptions") {
                    Some(list) if object.is_empty() => list,
                    Some(_) => return Err(bad("`subscriptions` stands alone")),
                    None => Value::Array(vec![value]),
                };
                let wanted: Vec<Wanted> =
                    serde_json::from_value(wanted).map_err(|error| bad(format!("subscribe: {error}")))?;
                Ok(Self::Subscribe(wanted))
            }
            Some("unsubscribe") => match object.remove("id") {
                Some(Value::String(id)) => Ok(Self::Unsubscribe(id)),
                _ => Err(bad("unsubscribe: name an `id`")),
            },
            Some("ping") => Ok(Self::Ping(value)),
            _ => Err(bad("`type` is one of subscribe, unsubscribe, ping")),
        }
    }
}

impl Wanted {
    pub(super) fn check_id(&self) -> Result<(), Problem> {
        if self.id.is_empty() || self.id.len() > MAX_ID || self.id.chars().any(char::is_control) {
            return Err(bad(format!("id: must be 1 to {MAX_ID} bytes without control characters")));
        }
        Ok(())
    }

    pub(super) fn subscription(&self, tenant: Tenant) -> Result<Subscription, Problem> {
        let scope = match (&self.stream, &self.streams) {
            (Some(_), Some(_)) => return Err(bad("name `stream` or `streams`")),
            (Some(stream), None) => {
                let stream = StreamName::new(stream.clone())?;
                if stream.is_reserved() {
                    return Err(Problem::new("invalid-stream", format!("`{stream}` is Headwater's own")));
                }
                Scope::Stream(tenant, stream)
            }
            (None, Some(streams)) => Scope::Streams(tenant, several(streams.iter().map(String::as_str))?),
            (None, None) => Scope::Tenant(tenant),
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let filter = Filter::types(&text(&self.types))
            .and_then(|filter| filter.and_subjects(&text(&self.subject)))
            .and_then(|filter| filter.and_sources(&text(&self.source)))
            .map_err(Error::BadFilter)?;
        let default = if matches!(scope, Scope::Tenant(_)) { Start::Live } else { Start::Earliest };
        let start = self.after.as_deref().filter(|after| !after.is_empty());
        let start = start.map(str::parse::<Start>).transpose()?.unwrap_or(default);
        let overflow = self.overflow.as_deref().map(str::parse::<Overflow>).transpose();
        let overflow = overflow.map_err(|error| bad(format!("overflow: {error}")))?.unwrap_or_default();
        Ok(Subscription { scope, filter, start, overflow })
    }
}

/// A message that is none.
pub(super) fn bad(why: impl Into<String>) -> Problem {
    Problem::new("bad-message", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscription_or_many_in_one_message() {
        let one = Incoming::parse(r#"{"type":"subscribe","id":"a","stream":"wf-1"}"#).unwrap();
        assert!(matches!(one, Incoming::Subscribe(list) if list.len() == 1));
        let many = r#"{"type":"subscribe","subscriptions":[{"id":"a"},{"id":"b","after":"live"}]}"#;
        assert!(matches!(Incoming::parse(many).unwrap(), Incoming::Subscribe(list) if list.len() == 2));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"shout"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","id":"a","steam":"x"}"#,
            r#"{"type":"subscribe","id":"a","subscriptions":[]}"#,
            r#"{"type":"subscribe","subscriptions":[7]}"#,
            r#"{"type":"unsubscribe"}"#,
        ] {
            assert_eq!(Incoming::parse(text).unwrap_err().code(), "bad-message", "{text}");
        }
    }

    #[test]
    fn wrong_values_have_the_codes_they_have_elsewhere() {
        for (members, code) in [
            (r#""stream":"a b""#, "invalid-stream"),
            (r#""stream":"$dead""#, "invalid-stream"),
            (r#""stream":"a","streams":["b"]"#, "bad-message"),
            (r#""streams":[]"#, "bad-query"),
            (r#""types":"a..b""#, "bad-filter"),
            (r#""after":"nonsense""#, "bad-cursor"),
            (r#""overflow":"panic""#, "bad-message"),
        ] {
            let text = format!(r#"{{"type":"subscribe","id":"x",{members}}}"#);
            let Ok(Incoming::Subscribe(wanted)) = Incoming::parse(&text) else { panic!("{text}") };
            assert_eq!(wanted[0].subscription(Tenant::default()).unwrap_err().code(), code, "{text}");
        }
    }
}
