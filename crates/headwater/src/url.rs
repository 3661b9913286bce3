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
}

/// The text is no URL of a broker that this build can open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// A backend that exists but was not built in.
    #[error("`{scheme}:` is not part of this build: build headwater with the feature `{feature}`")]
    NotBuilt {
        /// The scheme of the URL.
        scheme: String,
        /// The feature that adds it.
        feature: &'static str,
    },
    /// Not a URL of a broker.
    #[error("`{url}` is no broker: use memory:, embedded:PATH or http://HOST:PORT")]
    Unknown {
        /// The text, without what may be a password.
        url: String,
    },
    /// `embedded:` without a folder.
    #[error("`embedded:` needs a folder: write embedded:./headwater-data")]
    NoPath,
}

impl FromStr for BrokerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let unknown = || UrlError::Unknown { url: without_credentials(text) };
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        let not_built = |feature| UrlError::NotBuilt { scheme: scheme.to_owned(), feature };
        match scheme {
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "embedded" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(UrlError::NoPath),
                path => Ok(Self::Embedded(PathBuf::from(path))),
            },
            "http" | "https" if rest.len() > 2 && rest.starts_with("//") => Ok(Self::Http(text.to_owned())),
            "redis" | "rediss" => Err(not_built("redis")),
            "nats" | "tls" => Err(not_built("nats")),
            "kafka" => Err(not_built("kafka")),
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
            Self::Http(url) => f.write_str(&without_credentials(url)),
        }
    }
}

/// The URL as it may be shown: user and password are left out.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.find('/').unwrap_or(rest.len());
            let from = rest[..host].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[from..])
        }
        None => url.to_owned(),
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
        assert!(
            error("redis://h").contains("not part of this build") && error("redis://h").contains("`redis`")
        );
        assert!(error("nats://h").contains("feature `nats`"));
        assert!(error("kafka://h").contains("feature `kafka`"));
        assert!(error("embedded:").contains("needs a folder"));
        assert!(error("data").contains("no broker"));
        assert!(error("http:").contains("no broker"));
        assert!(!error("amqp://me:secret@host/x").contains("secret"));
        assert_eq!(BrokerUrl::Http("https://u:p@host/x".into()).to_string(), "https://host/x");
    }
}
