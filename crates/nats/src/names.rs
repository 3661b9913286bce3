//! Subjects: names as tokens that cannot inject a wildcard, a dot or a space.

use std::fmt::Write as _;

use headwater_events::{Class, Lane, Mark, StreamName, Tenant};

/// A name as one token: letters, digits, `_` and `-` stand for themselves, every other byte is `=` and two
/// hexadecimal digits. The empty name is `=`.
pub(crate) fn token(name: &str) -> String {
    if name.is_empty() {
        return "=".to_owned();
    }
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            token.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
    token
}

/// The name that a token stands for, if it is one that [`token`] makes.
pub(crate) fn name(token: &str) -> Option<String> {
    if token == "=" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The names of one log on the server.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The JetStream stream that holds the events.
    pub(crate) events: String,
    /// The JetStream stream behind the key-value bucket.
    pub(crate) state: String,
    /// What the bucket's subjects begin with.
    pub(crate) keys: String,
    namespace: String,
}

/// Where an event stands, as its subject says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) tenant: Tenant,
    pub(crate) lane: Lane,
    pub(crate) class: Class,
    pub(crate) stream: StreamName,
}

const fn class_tokens(class: Class) -> &'static str {
    match class {
        Class::Durable => "v.d",
        Class::Transient => "v.t",
        Class::Internal => "i.i",
    }
}

impl Names {
    /// The names in a namespace, which was checked.
    pub(crate) fn new(namespace: &str) -> Self {
        Self {
            events: format!("{namespace}-events"),
            state: format!("KV_{namespace}-state"),
            keys: format!("$KV.{namespace}-state"),
            namespace: namespace.to_owned(),
        }
    }

    /// The subject of an event.
    pub(crate) fn event(
        &self,
        tenant: &Tenant,
        lane: Lane,
        class: Class,
        mark: Mark,
        stream: &StreamName,
    ) -> String {
        let mark = if mark == Mark::None { "n" } else { "m" };
        let (tenant, stream) = (token(tenant.as_str()), token(stream.as_str()));
        format!("{}.{tenant}.{lane}.{}.{mark}.{stream}", self.namespace, class_tokens(class))
    }

    /// Everything.
    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.namespace)
    }

    /// Everything of a tenant.
    pub(crate) fn tenant(&self, tenant: &Tenant) -> String {
        format!("{}.{}.>", self.namespace, token(tenant.as_str()))
    }

    /// Everything of a lane.
    pub(crate) fn lane(&self, lane: Lane) -> String {
        format!("{}.*.{lane}.>", self.namespace)
    }

    /// What ordinary readers see of a stream.
    pub(crate) fn visible(&self, tenant: &Tenant, lane: Lane, stream: &StreamName) -> String {
        let (tenant, stream) = (token(tenant.as_str()), token(stream.as_str()));
        format!("{}.{tenant}.{lane}.v.*.*.{stream}", self.namespace)
    }

    /// Every class of a stream.
    pub(crate) fn stream(&self, tenant: &Tenant, lane: Lane, stream: &StreamName) -> String {
        let (tenant, stream) = (token(tenant.as_str()), token(stream.as_str()));
        format!("{}.{tenant}.{lane}.*.*.*.{stream}", self.namespace)
    }

    /// Durable events of a tenant, a lane, both or all.
    pub(crate) fn durable(&self, tenant: Option<&Tenant>, lane: Option<Lane>) -> String {
        let tenant = tenant.map_or_else(|| "*".to_owned(), |tenant| token(tenant.as_str()));
        let lane = lane.map_or_else(|| "*".to_owned(), |lane| lane.to_string());
        format!("{}.{tenant}.{lane}.v.d.*.*", self.namespace)
    }

    /// One class, everywhere.
    pub(crate) fn class(&self, class: Class) -> String {
        format!("{}.*.*.{}.*.*", self.namespace, class_tokens(class))
    }

    /// One class of a stream.
    pub(crate) fn class_of(&self, tenant: &Tenant, lane: Lane, class: Class, stream: &StreamName) -> String {
        let (tenant, stream) = (token(tenant.as_str()), token(stream.as_str()));
        format!("{}.{tenant}.{lane}.{}.*.{stream}", self.namespace, class_tokens(class))
    }

    /// Events that open or end a run, everywhere.
    pub(crate) fn marked(&self) -> String {
        format!("{}.*.*.*.*.m.*", self.namespace)
    }

    /// Events that open or end a run.
    pub(crate) fn marked_of(&self, tenant: &Tenant, lane: Lane, stream: &StreamName) -> String {
        let (tenant, stream) = (token(tenant.as_str()), token(stream.as_str()));
        format!("{}.{tenant}.{lane}.*.*.m.{stream}", self.namespace)
    }

    /// What a subject says of its event; `None` for one that this store does not write.
    pub(crate) fn home(&self, subject: &str) -> Option<Home> {
        let rest = subject.strip_prefix(self.namespace.as_str())?.strip_prefix('.')?;
        let mut tokens = rest.split('.');
        let mut next = || tokens.next();
        let (tenant, lane, seen, class, mark, stream) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if tokens.next().is_some() || !matches!(mark, "m" | "n") {
            return None;
        }
        let class = match (seen, class) {
            ("v", "d") => Class::Durable,
            ("v", "t") => Class::Transient,
            ("i", "i") => Class::Internal,
            _ => return None,
        };
        Some(Home {
            tenant: Tenant::new(name(tenant)?).ok()?,
            lane: Lane(lane.parse().ok()?),
            class,
            stream: StreamName::new(name(stream)?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_carry_nothing_that_means_something() {
        for text in
            ["a", "a.b", "wf:42@x+y", "$dead/g", "*", ">", "a b", "", "=", "=2E", "é\u{1f30a}", "a..b"]
        {
            let encoded = token(text);
            assert!(!encoded.is_empty());
            assert!(!encoded.contains(['.', '*', '>', ' ', '\t', '\r', '\n']), "{encoded}");
            assert_eq!(name(&encoded).as_deref(), Some(text));
        }
        for wrong in ["=2", "=G0", "a=", "=FF"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn subjects_say_where_an_event_stands() {
        let names = Names::new("hw");
        let home = Home {
            tenant: "a.b".parse().unwrap(),
            lane: Lane(7),
            class: Class::Transient,
            stream: "wf:1@+.".parse().unwrap(),
        };
        let subject = names.event(&home.tenant, home.lane, home.class, Mark::Opens, &home.stream);
        assert_eq!(subject, "hw.a=2Eb.7.v.t.m.wf=3A1=40=2B=2E");
        assert_eq!(names.home(&subject), Some(home));
        for foreign in
            ["hw", "hw.a", "hx.a.1.v.d.n.s", "hw.a.1.v.i.n.s", "hw.a.x.v.d.n.s", "hw.a.1.v.d.n.s.t"]
        {
            assert_eq!(names.home(foreign), None, "{foreign}");
        }
    }
}
