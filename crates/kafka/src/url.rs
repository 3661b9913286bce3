//! `kafka://…`

use headwater_store::Error;

use crate::{KafkaOptions, Mechanism, Secret, User};

const FORM: &str = "write kafka://[USER:PASSWORD@]HOST[:PORT][,HOST…]/[TOPIC][?topic=…&lanes=…&replication=…\
                    &sasl=plain|scram-sha-256|scram-sha-512&tls=true&ca=FILE]";

impl KafkaOptions {
    /// The options that a URL names, the others by default.
    ///
    /// `kafka://user:password@host:9092,other:9092/topic?lanes=32&replication=3&sasl=plain&tls=true&ca=ca.pem`. Without
    /// a port it is 9092, without a topic `headwater`.
    ///
    /// # Errors
    /// [`Error::Config`] says what is wrong, and never repeats what may be a password.
    ///
    /// ```
    /// use headwater_kafka::KafkaOptions;
    ///
    /// let options = KafkaOptions::from_url("kafka://a,b:9093/events?lanes=8").unwrap();
    /// assert_eq!(options.servers, ["a:9092", "b:9093"]);
    /// assert_eq!((options.topic.as_str(), options.lanes), ("events", 8));
    /// ```
    pub fn from_url(url: &str) -> Result<Self, Error> {
        Self::default().with_url(url)
    }

    /// These options, with what a URL names in their place: always the servers, the others where it says so.
    ///
    /// # Errors
    /// As [`from_url`](Self::from_url).
    pub fn with_url(mut self, url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("kafka://").ok_or_else(|| wrong("it does not begin with kafka://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        self.servers = servers(hosts)?;
        if let Some(user) = user {
            self.user = Some(login(user)?);
        }
        if !path.trim_matches('/').is_empty() {
            path.trim_matches('/').clone_into(&mut self.topic);
        }
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            self.set(name, &decode(value)?)?;
        }
        check_topic(&self.topic)?;
        Ok(self)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let number = || wrong(format_args!("`{name}` is no number in its range"));
        match name {
            "topic" | "namespace" => value.clone_into(&mut self.topic),
            "lanes" => self.lanes = value.parse().ok().filter(|lanes| *lanes > 0).ok_or_else(number)?,
            "replication" => self.replication = Some(value.parse().map_err(|_| number())?),
            "sasl" => {
                let mechanism = match value.to_ascii_lowercase().as_str() {
                    "plain" => Mechanism::Plain,
                    "scram-sha-256" => Mechanism::ScramSha256,
                    "scram-sha-512" => Mechanism::ScramSha512,
                    _ => return Err(wrong("`sasl` is none of those")),
                };
                let user = self.user.as_mut().ok_or_else(|| wrong("`sasl` needs a user"))?;
                user.mechanism = mechanism;
            }
            "tls" => self.tls = value.parse().map_err(|_| wrong("`tls` is true or false"))?,
            "ca" => self.tls_ca = Some(value.into()),
            _ => return Err(wrong(format_args!("there is no `{name}`"))),
        }
        Ok(())
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::config(format_args!("the URL of kafka is wrong: {what}; {FORM}"))
}

fn servers(hosts: &str) -> Result<Vec<String>, Error> {
    hosts
        .split(',')
        .map(|host| match host.rsplit_once(':') {
            _ if host.is_empty() || host.starts_with(':') => Err(wrong("there is no host")),
            // An IPv6 address has its colons in brackets.
            Some((name, port)) if !name.is_empty() && !port.ends_with(']') => {
                port.parse::<u16>().map_err(|_| wrong("a port is no number"))?;
                Ok(host.to_owned())
            }
            _ => Ok(format!("{host}:9092")),
        })
        .collect()
}

fn login(user: &str) -> Result<User, Error> {
    let (name, password) = user.split_once(':').ok_or_else(|| wrong("the user has no password"))?;
    Ok(User {
        name: decode(name)?,
        password: Secret::new(decode(password)?),
        mechanism: Mechanism::default(),
    })
}

/// What Kafka takes for a topic's name, with room for `-state`.
fn check_topic(topic: &str) -> Result<(), Error> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 240 || !topic.chars().all(fine) || topic == "." || topic == ".." {
        return Err(wrong("a topic has 1 to 240 of A-Z a-z 0-9 . _ -"));
    }
    Ok(())
}

/// `%xx` as the byte it stands for.
fn decode(text: &str) -> Result<String, Error> {
    let bad = || wrong("a `%` is not followed by two hexadecimal digits");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|d| char::from(d).to_digit(16)).ok_or_else(bad);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
    }
    String::from_utf8(out).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_url_may_say() {
        let url = "kafka://me:p%40ss@h1,[::1]:9093/ns?topic=t&lanes=4&replication=3&sasl=SCRAM-SHA-512&tls=true&ca=/c.pem";
        let options = KafkaOptions::from_url(url).unwrap();
        assert_eq!(options.servers, ["h1:9092", "[::1]:9093"]);
        assert_eq!((options.topic.as_str(), options.lanes, options.replication), ("t", 4, Some(3)));
        let user = options.user.unwrap();
        assert_eq!((user.name.as_str(), user.password.0.as_str()), ("me", "p@ss"));
        assert_eq!(user.mechanism, Mechanism::ScramSha512);
        assert!(options.tls && options.tls_ca == Some("/c.pem".into()));
    }

    #[test]
    fn what_is_wrong_is_said_without_passwords() {
        for (url, says) in [
            ("kafka:h", "begin"),
            ("kafka://", "no host"),
            ("kafka://h:x", "port"),
            ("kafka://me:secret@h/bad topic", "1 to 240"),
            ("kafka://me:secret%zz@h", "%"),
            ("kafka://secret@h", "no password"),
            ("kafka://h?lanes=0", "range"),
            ("kafka://h?sasl=plain", "user"),
            ("kafka://me:secret@h?sasl=magic", "none of those"),
            ("kafka://h?retention=1", "no `retention`"),
        ] {
            let error = KafkaOptions::from_url(url).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("secret"), "{url}: {error}");
        }
        let options = KafkaOptions::from_url("kafka://me:secret@h").unwrap();
        assert!(!format!("{options:?}").contains("secret"));
    }
}
