//! Where a broker is.

use std::{fmt, path::PathBuf, str::FromStr};

/// The URL of a broker, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrokerUrl {
    /// `memory:`: in this process.
    Memory,
    /// `embedded:PATH`: a folder that this process owns.
    Embedded(PathBuf),
    /// `http://` or `https://`: a running Headwater.
    Http(String),
    /// `redis://`, `rediss://` for TLS, `redis+sentinel://` and `rediss+sentinel://`.
    Redis(String),
    /// `nats://`, or `tls://`.
    Nats(String),
    /// `kafka://`.
    Kafka(String),
}

/// The text is no URL of a broker that this build can open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// A backend that exists but was not built in.
    #[error(
        "`{scheme}:` is not part of this build: add it with `cargo build --release --features {feature}`"
    )]
    NotBuilt {
        /// The scheme of the URL.
        scheme: String,
        /// The feature that adds it.
        feature: &'static str,
    },
    /// Not a URL of a broker.
    #[error("`{url}` is no broker: use {FORMS}")]
    Unknown {
        /// The text, without what may be a password.
        url: String,
    },
    /// `embedded:` without a folder.
    #[error("`embedded:` needs a folder: write embedded:./headwater-data")]
    NoPath,
}

const FORMS: &str = "memory:, embedded:PATH, redis://HOST, redis+sentinel://HOST/MASTER, nats://HOST, kafka://HOST \
                     or http://HOST:PORT";

impl BrokerUrl {
    /// The whole URL, credentials included: what [`connect`](crate::connect) takes. For people it is shown by
    /// `Display`, without them.
    #[must_use]
    pub fn with_credentials(&self) -> String {
        match self {
            Self::Memory | Self::Embedded(_) => self.to_string(),
            Self::Http(url) | Self::Redis(url) | Self::Nats(url) | Self::Kafka(url) => url.clone(),
        }
    }
}

impl FromStr for BrokerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let unknown = || UrlError::Unknown { url: without_credentials(text) };
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        let there = rest.len() > 2 && rest.starts_with("//");
        let not_built = |feature| UrlError::NotBuilt { scheme: scheme.to_owned(), feature };
        match scheme {
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "embedded" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(UrlError::NoPath),
                path => Ok(Self::Embedded(PathBuf::from(path))),
            },
            "http" | "https" if there => Ok(Self::Http(text.to_owned())),
            "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel" if there => {
                match cfg!(feature = "redis") {
                    true => Ok(Self::Redis(text.to_owned())),
                    false => Err(not_built("redis")),
                }
            }
            "nats" | "tls" if there => match cfg!(feature = "nats") {
                true => Ok(Self::Nats(text.to_owned())),
                false => Err(not_built("nats")),
            },
            "kafka" if there => match cfg!(feature = "kafka") {
                true => Ok(Self::Kafka(text.to_owned())),
                false => Err(not_built("kafka")),
            },
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for BrokerUrl {
    /// Credentials are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Self::Http(url) | Self::Redis(url) | Self::Nats(url) | Self::Kafka(url) => {
                f.write_str(&without_credentials(url))
            }
        }
    }
}

/// The URL as it may be shown: all before its last `@` is left out.
///
/// That is too much where only a path has one, and of several servers only the last is named. But a password that was
/// not escaped may hold any letter, a comma, a `/` or an `@` among them.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, shown))) => format!("{scheme}://{shown}"),
        // No URL at all, with something like a password in it.
        (None, Some((_, shown))) => format!("…@{shown}"),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_opened() {
        assert_eq!("memory:".parse(), Ok(BrokerUrl::Memory));
        assert_eq!("embedded:./data".parse(), Ok(BrokerUrl::Embedded("./data".into())));
        assert_eq!("embedded:///var/data".parse(), Ok(BrokerUrl::Embedded("/var/data".into())));
        assert_eq!("http://a:1/x".parse(), Ok(BrokerUrl::Http("http://a:1/x".into())));
    }

    #[test]
    fn what_cannot_says_why_and_hides_passwords() {
        let error = |url: &str| url.parse::<BrokerUrl>().unwrap_err().to_string();
        assert!(error("embedded:").contains("needs a folder"));
        assert!(error("data").contains("no broker"));
        assert!(error("http:").contains("no broker"));
        for url in ["amqp://me:secret@host", "redis:me:secret@host", "amqp://:a,secret@h", "x://u:/secret@h"]
        {
            assert!(!error(url).contains("secret"), "{url}");
        }
        let url = BrokerUrl::Http("https://u:p@host/x".into());
        assert_eq!(
            (url.to_string().as_str(), url.with_credentials().as_str()),
            ("https://host/x", "https://u:p@host/x")
        );
        assert_eq!(BrokerUrl::Nats("nats://u:p@h:1,v:q@i".into()).to_string(), "nats://i");
        assert_eq!(BrokerUrl::Kafka("kafka://h:1,i/t?lanes=4".into()).to_string(), "kafka://h:1,i/t?lanes=4");
    }

    /// Each build knows all of them: those it cannot open by the flag that adds them.
    #[test]
    fn every_broker_is_opened_or_names_its_flag() {
        for (scheme, feature, built) in [
            ("redis", "redis", cfg!(feature = "redis")),
            ("rediss", "redis", cfg!(feature = "redis")),
            ("redis+sentinel", "redis", cfg!(feature = "redis")),
            ("nats", "nats", cfg!(feature = "nats")),
            ("tls", "nats", cfg!(feature = "nats")),
            ("kafka", "kafka", cfg!(feature = "kafka")),
        ] {
            match format!("{scheme}://me:secret@h:1").parse::<BrokerUrl>() {
                Ok(url) => {
                    assert!(built, "{scheme}");
                    assert_eq!(url.to_string(), format!("{scheme}://h:1"));
                    assert_eq!(url.with_credentials(), format!("{scheme}://me:secret@h:1"));
                }
                Err(error) => {
                    assert!(!built, "{scheme}");
                    assert!(error.to_string().contains(&format!("--features {feature}")), "{error}");
                }
            }
            assert!(format!("{scheme}:h").parse::<BrokerUrl>().is_err(), "{scheme} without slashes");
        }
    }
}
