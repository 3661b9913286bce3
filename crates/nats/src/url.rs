//! `nats://user:password@host:4222,host2?namespace=hw`.

use std::{str::FromStr, time::Duration};

use headwater_store::Error;

use crate::NatsOptions;

/// Where the servers are and how one logs in.
#[derive(Clone)]
pub(crate) struct Address {
    /// `nats://host:port` each, without credentials.
    pub(crate) servers: Vec<String>,
    pub(crate) login: Option<Login>,
    pub(crate) tls: bool,
}

#[derive(Clone)]
pub(crate) enum Login {
    Password(String, String),
    Token(String),
}

impl Address {
    /// Takes a URL apart; what stands behind `?` overrides the options.
    pub(crate) fn parse(url: &str, options: &mut NatsOptions) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Error::config(format_args!(
                "not a NATS URL: {what}; it looks like nats://user:password@host:4222,other:4222?namespace=hw"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("there is no `://`"))?;
        let tls = match scheme {
            "nats" => false,
            "tls" | "nats+tls" => true,
            _ => return Err(wrong("it does not begin with `nats://` or `tls://`")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err(wrong("it has a path"));
        }
        let mut login = None;
        let mut servers = Vec::new();
        for server in rest.split(',') {
            // A password may hold an unescaped `@`.
            let (credentials, host) =
                server.rsplit_once('@').map_or((None, server), |(user, host)| (Some(user), host));
            if let (Some(credentials), None) = (credentials, &login) {
                login = Some(match credentials.split_once(':') {
                    Some((user, password)) => Login::Password(unescape(user), unescape(password)),
                    None => Login::Token(unescape(credentials)),
                });
            }
            if host.is_empty() || host.contains(char::is_whitespace) {
                return Err(wrong("a server has no host"));
            }
            let server = format!("{}://{host}", if tls { "tls" } else { "nats" });
            async_nats::ServerAddr::from_str(&server).map_err(|_| wrong("a server is not `host:port`"))?;
            servers.push(server);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            set(options, key, &unescape(value))?;
        }
        let namespace = &options.namespace;
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if !(1..=32).contains(&namespace.len()) || !namespace.bytes().all(is_name) {
            return Err(Error::config(
                "the namespace of a log on NATS has 1 to 32 letters, digits, `_` and `-`",
            ));
        }
        Ok(Self { servers, login, tls })
    }

    /// The servers, for people.
    pub(crate) fn shown(&self) -> String {
        self.servers.join(",")
    }
}

fn set(options: &mut NatsOptions, key: &str, value: &str) -> Result<(), Error> {
    let wrong = || Error::config(format_args!("`{key}` in the NATS URL cannot be {value:?}"));
    match key {
        "namespace" => options.namespace = value.to_owned(),
        "replicas" => {
            options.replicas = value.parse().ok().filter(|n| (1..=5).contains(n)).ok_or_else(wrong)?;
        }
        "lanes" => options.lanes = value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?,
        "atomic" => options.atomic = value.parse().map_err(|_| wrong())?,
        "timeout_ms" => options.timeout = Duration::from_millis(value.parse().map_err(|_| wrong())?),
        "credentials" => options.credentials = Some(value.into()),
        "tls_ca" => options.tls_ca = Some(value.into()),
        _ => {
            return Err(Error::config(format_args!(
                "`{key}` is nothing that a NATS URL says: namespace, replicas, lanes, atomic, timeout_ms, credentials, tls_ca"
            )));
        }
    }
    Ok(())
}

/// `%XX` as the byte it stands for; anything else as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        let mut options = NatsOptions::default();
        let address = Address::parse(
            "nats://me:p%40ss@one:4222,two?namespace=other&replicas=3&atomic=false",
            &mut options,
        )
        .unwrap();
        assert_eq!(address.servers, ["nats://one:4222", "nats://two"]);
        assert!(
            matches!(address.login, Some(Login::Password(user, password)) if user == "me" && password == "p@ss")
        );
        assert_eq!((options.namespace.as_str(), options.replicas, options.atomic), ("other", 3, false));
        let address = Address::parse("tls://t0ken@one", &mut options).unwrap();
        assert!(address.tls && matches!(address.login, Some(Login::Token(token)) if token == "t0ken"));
    }

    #[test]
    fn wrong_urls_are_told_without_what_they_hold() {
        for url in [
            "nats:x",
            "http://x",
            "nats://s3cret@",
            "nats://s3cret@h:1/x",
            "nats://s3cret@h:1?namespace=a.b",
            "nats://s3cret@h?x=1",
            "nats://s3cret@h:port",
        ] {
            let error = Address::parse(url, &mut NatsOptions::default()).err().unwrap();
            assert!(matches!(error, Error::Config { .. }), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
